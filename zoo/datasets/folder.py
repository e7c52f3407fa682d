"""The files of a folder: a file an example, a subfolder a class."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import numpy as np
import rich.console
import rich.progress

T = TypeVar("T")
# Reading fewer files than this takes no time worth a bar.
MANY = 500


@dataclasses.dataclass(frozen=True)
class Listing:
    """Files and their classes.

    Args:
        files: All of them, the training files first where the folder splits them.
        labels: The class of each as an integer `[n]`, or `None` without classes.
        names: The classes.
        rows: Indices of training and of test files where the folder splits them, else `None`.
    """

    files: list[pathlib.Path]
    labels: np.ndarray | None
    names: tuple[str, ...]
    rows: tuple[np.ndarray, np.ndarray] | None


def list_files(folder: pathlib.Path, suffixes: Iterable[str]) -> Listing:
    """Finds the files of a folder, in the order of their names.

    Subfolders are classes, and files below them are theirs however deep. Where the subfolders
    are `train` and `test`, those hold the files, or the classes.

    Args:
        folder: The folder.
        suffixes: Endings of the names, in lower case; other files are passed over.

    Returns:
        The files.

    Raises:
        ValueError: If there are none, or some have a class and others have none.
    """
    wanted = set(suffixes)
    parts = [folder / "train", folder / "test"]
    is_split = all(part.is_dir() for part in parts)
    found = [_below(part, wanted) for part in (parts if is_split else [folder])]
    files = [file for part in found for file, _ in part]
    classes = [name for part in found for _, name in part]
    if not all(found):
        empty = parts[[bool(part) for part in found].index(False)] if is_split else folder
        raise ValueError(f"{empty} holds no {', '.join(sorted(wanted))} files.")
    rows = None
    if is_split:
        numbers = np.arange(len(files))
        rows = numbers[: len(found[0])], numbers[len(found[0]) :]
    if not any(classes):
        return Listing(files, None, (), rows)
    if not all(classes):
        raise ValueError(
            f"{folder}: files must be in a subfolder for each class, or all without. "
            f"Received: {files[classes.index('')]} beside subfolders"
        )
    names, labels = np.unique(classes, return_inverse=True)
    return Listing(files, labels, tuple(names.tolist()), rows)


def _below(folder: pathlib.Path, suffixes: set[str]) -> list[tuple[pathlib.Path, str]]:
    files = []
    for file in sorted(folder.rglob("*")):
        inside = file.relative_to(folder).parts
        if file.suffix.lower() in suffixes and not any(p.startswith(".") for p in inside):
            files.append((file, inside[0] if len(inside) > 1 else ""))
    return files


def read_all(files: list[pathlib.Path], read: Callable[[pathlib.Path], T]) -> Iterator[T]:
    """What `read` makes of each file, with a progress bar where there are many."""
    console: Any = rich.console.Console(stderr=True)
    yield from rich.progress.track(
        map(read, files),
        f"reading {len(files):,} files",
        total=len(files),
        console=console,
        transient=True,
        disable=len(files) < MANY or not console.is_terminal,
    )
