"""Going back to an earlier version, and removing old ones."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection
from pathlib import Path

from export import card
from export.errors import ExportError
from export.versions import (
    REMOVING,
    RETIRED,
    list_versions,
    locked,
    parse_version,
    remove_leftovers,
    sync,
)


def rollback(
    base: str | os.PathLike[str],
    name: str,
    to: int | None = None,
    protect: Collection[int] = (),
) -> tuple[int, list[int]]:
    """Takes the newest versions out of service, so that servers go back to an earlier one.

    They are set aside as `.retired-VERSION`, and their numbers are not used again. Rename one
    back to its number to bring it back; in an object store, copy it, `saved_model.pb` last.

    Args:
        base: The model server's base folder, or its URI in an object store.
        name: The model's name.
        to: The version to go back to; the one before the newest if omitted.
        protect: Versions that a server configuration names, which must stay.

    Returns:
        The version that is now the newest, and those set aside.

    Raises:
        FileNotFoundError: If there is no such model.
        ValueError: If there is no such earlier version, or a protected one would go.
        ExportError: If the version to go back to is damaged, or, in a store, one that would go
            is being written.
    """
    if "://" in str(base):
        from export import store

        uri = f"{str(base).rstrip('/')}/{name}"
        with tempfile.TemporaryDirectory() as folder:
            store.mirror(uri, Path(folder), contents=False)
            target, going = _above(Path(folder), name, to, protect)
            store.retire(uri, {number: path.name for number, path in going.items()})
        return target, list(going)
    model_path = Path(base).absolute() / name
    list_versions(model_path)
    with locked(model_path):
        target, going = _above(model_path, name, to, protect)
        # The newest goes last, so that a server moves once, straight to the target.
        for number, path in going.items():
            os.rename(path, model_path / f"{RETIRED}{number}")
        sync(model_path)
    return target, list(going)


def prune(
    base: str | os.PathLike[str], name: str, keep: int, protect: Collection[int] = ()
) -> list[int]:
    """Removes old versions.

    The newest undamaged version stays whatever else; retired ones go when their number is
    below the newest. A server never sees a version half removed; in an object store it sees
    one that it can't load, and goes on with what it has.

    Args:
        base: The model server's base folder, or its URI in an object store.
        name: The model's name.
        keep: How many of the newest versions stay.
        protect: Versions that a label or policy of a server configuration names; they stay too.

    Returns:
        The versions removed, retired ones included.

    Raises:
        FileNotFoundError: If there is no such model.
        ValueError: If `keep` is not positive.
    """
    if keep < 1:
        raise ValueError(f"keep must be at least 1. Received: keep={keep}")
    if "://" in str(base):
        from export import store

        uri = f"{str(base).rstrip('/')}/{name}"
        with tempfile.TemporaryDirectory() as folder:
            store.mirror(uri, Path(folder), contents=False)
            going = _old(Path(folder), keep, protect)
            return store.discard(uri, {number: path.name for number, path in going.items()})
    model_path = Path(base).absolute() / name
    list_versions(model_path)
    with locked(model_path):
        remove_leftovers(model_path)
        going = _old(model_path, keep, protect)
        for number, path in going.items():
            doomed = model_path / f"{REMOVING}{number}"
            os.rename(path, doomed)
            sync(model_path)
            _remove(doomed)
    return list(going)


def present(base: str | os.PathLike[str], name: str) -> list[int]:
    """Numbers of a model's versions, ascending.

    Raises:
        FileNotFoundError: If there is no such model.
    """
    if "://" in str(base):
        from export import store

        return store.numbers(f"{str(base).rstrip('/')}/{name}")
    return list(list_versions(Path(base) / name))


def _above(
    model_path: Path, name: str, to: int | None, protect: Collection[int]
) -> tuple[int, dict[int, Path]]:
    """The version to go back to, and those above it, the newest last."""
    present = list_versions(model_path)
    numbers = list(present)
    if len(numbers) < 2:
        raise ValueError(f"{name} has no earlier version to go back to. Received: {numbers}")
    target = numbers[-2] if to is None else to
    if target not in numbers[:-1]:
        raise ValueError(f"version must be one of {numbers[:-1]} to go back to. Received: {to}")
    wrong = card.damage(present[target])
    if wrong:
        raise ExportError(f"version {target} can't be served: {wrong}")
    going = {number: path for number, path in present.items() if number > target}
    held = sorted(set(going) & set(protect))
    if held:
        raise ValueError(f"the configuration names versions {held} of {name}; change it first")
    return target, going


def _old(model_path: Path, keep: int, protect: Collection[int]) -> dict[int, Path]:
    """What a prune removes, retired versions included, the oldest first."""
    present = list_versions(model_path)
    stay = {*list(present)[-keep:], *protect}
    sound = [number for number, path in present.items() if card.damage(path) is None]
    stay.update(sound[-1:])
    going = {number: path for number, path in present.items() if number not in stay}
    for child in model_path.glob(f"{RETIRED}*"):
        number = parse_version(child.name.removeprefix(RETIRED))
        if number is not None and number < max(present, default=0) and number not in protect:
            going.setdefault(number, child)
    return dict(sorted(going.items()))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
