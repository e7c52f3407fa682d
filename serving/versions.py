"""Which versions a model's directory holds, by TF Serving's rules, and which are wanted."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

# What absl::SimpleAtoi takes for an int64.
_NUMBER = re.compile(r"\s*[+-]?[0-9]+\s*", re.ASCII)
_LIMIT = 1 << 63
BATCHING_PARAMETERS = "batching_params.pbtxt"  # in a version's directory

Stamp = tuple[int, ...]


@dataclass(frozen=True)
class ModelConfig:
    """One model to serve.

    Attributes:
        name: What clients call it.
        base_path: The directory of its versions.
        latest: Serve this many of the highest versions, ...
        specific: ... or these, ...
        every: ... or all.
        labels: Names for versions.
    """

    name: str
    base_path: str
    latest: int = 1
    specific: frozenset[int] = frozenset()
    every: bool = False
    labels: Mapping[str, int] = field(default_factory=dict)

    def aspired(self, present: Collection[int]) -> set[int]:
        """Chooses among the versions that are there."""
        if self.every:
            return set(present)
        if self.specific:
            return set(self.specific) & set(present)
        return set(sorted(present, reverse=True)[: self.latest])


def find_versions(base_path: str | Path) -> dict[int, str] | None:
    """Lists the versions in a directory.

    Args:
        base_path: The directory.

    Returns:
        Version number to path; None when the directory cannot be read.
    """
    try:
        names = sorted(os.listdir(base_path))
    except (OSError, ValueError):  # the latter for a path that no file can have
        return None
    return {
        int(name): os.path.join(base_path, name)
        for name in names
        if _NUMBER.fullmatch(name) and -_LIMIT <= int(name) < _LIMIT
    }


def find_models(base: str | Path) -> dict[str, str]:
    """Finds the models of a directory: itself if it holds versions, else those of its children.

    Args:
        base: Such as `models/`, which holds `models/fashion/1/`, or `models/fashion`.

    Returns:
        Model name to base path.

    Raises:
        ValueError: There is none.
    """
    root = Path(base).absolute()
    if not root.is_dir():
        raise ValueError(f"model path {base} is not a directory; it must hold NAME/VERSION/")
    if find_versions(root):
        return {root.name: str(root)}
    models = {
        child.name: str(child)
        for child in sorted(root.iterdir())
        if child.is_dir() and not child.name.startswith(".") and find_versions(child)
    }
    if not models:
        raise ValueError(
            f"model path {base} has no version; it must hold NAME/VERSION/ with a whole number"
            " for VERSION, as python -m export publish writes"
        )
    return models


def stamp(path: str) -> Stamp:
    """Fingerprints a version cheaply, so that a repaired one can be told from a broken one."""
    found = []
    for name in ("", "saved_model.pb", "variables", BATCHING_PARAMETERS):
        try:
            entry = os.stat(os.path.join(path, name))
            found += [entry.st_ino, entry.st_mtime_ns, entry.st_size]
        except OSError:
            found.append(-1)
    return tuple(found)
