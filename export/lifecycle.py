"""Going back to an earlier version, and removing old ones."""

from __future__ import annotations

import os
import shutil
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
    back to its number to bring it back.

    Args:
        base: The model server's base folder.
        name: The model's name.
        to: The version to go back to; the one before the newest if omitted.
        protect: Versions that a server configuration names, which must stay.

    Returns:
        The version that is now the newest, and those set aside.

    Raises:
        FileNotFoundError: If there is no such model.
        ValueError: If there is no such earlier version, or a protected one would go.
        ExportError: If the version to go back to is damaged.
    """
    model_path = Path(base).absolute() / name
    list_versions(model_path)
    with locked(model_path):
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
        retired = [number for number in numbers if number > target]
        held = sorted(set(retired) & set(protect))
        if held:
            raise ValueError(f"the configuration names versions {held} of {name}; change it first")
        # The newest goes last, so that a server moves once, straight to the target.
        for number in retired:
            os.rename(present[number], model_path / f"{RETIRED}{number}")
        sync(model_path)
    return target, retired


def prune(
    base: str | os.PathLike[str], name: str, keep: int, protect: Collection[int] = ()
) -> list[int]:
    """Removes old versions.

    The newest undamaged version stays whatever else; retired ones go when their number is
    below the newest. A server never sees a version half removed.

    Args:
        base: The model server's base folder.
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
    model_path = Path(base).absolute() / name
    list_versions(model_path)
    removed = []
    with locked(model_path):
        remove_leftovers(model_path)
        present = list_versions(model_path)
        stay = {*list(present)[-keep:], *protect}
        sound = [number for number, path in present.items() if card.damage(path) is None]
        stay.update(sound[-1:])
        going = {number: path for number, path in present.items() if number not in stay}
        for child in model_path.glob(f"{RETIRED}*"):
            number = parse_version(child.name.removeprefix(RETIRED))
            if number is not None and number < max(present, default=0) and number not in protect:
                going.setdefault(number, child)
        for number, path in sorted(going.items()):
            doomed = model_path / f"{REMOVING}{number}"
            os.rename(path, doomed)
            sync(model_path)
            _remove(doomed)
            removed.append(number)
    return removed


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
