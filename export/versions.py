"""The versions under a model's base path: which there are, and how one more appears.

A model server polls `BASE/NAME/` about once a second and loads whatever child has a number for
a name, complete or not. So a version is built under a name the server ignores, flushed to disk,
and given its number by a single rename.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

STAGING = ".publishing-"
RETIRED = ".retired-"
REMOVING = ".removing-"
_LOCK = ".publish.lock"
_NUMBER = re.compile(r"[ \t\n\v\f\r]*[+-]?[0-9]+[ \t\n\v\f\r]*")
_INT64 = 2**63


def parse_version(name: str) -> int | None:
    """Reads a child's name the way TF Serving does.

    Args:
        name: Name of a file or folder under a model's base path.

    Returns:
        The version it stands for (leading zeros, a sign and blanks are accepted, as
        `absl::SimpleAtoi` accepts them), or None if the server ignores it.

    Example:
        >>> parse_version("00002"), parse_version("2.tmp")
        (2, None)
    """
    if not _NUMBER.fullmatch(name):
        return None
    number = int(name)
    return number if -_INT64 <= number < _INT64 else None


def check_name(name: str) -> str:
    """Returns `name` if a model may be called that.

    Raises:
        ValueError: If it is empty, a number, hidden, or has characters other than letters,
            digits, `_`, `-` and `.`.
    """
    if parse_version(name) is not None:
        raise ValueError(f"name must not be a number, it would look like a version. {_got(name)}")
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
        raise ValueError(
            "name must be letters, digits, '_', '-' or '.', without slashes, and not begin with "
            f"'.' or '-'. {_got(name)}"
        )
    return name


def list_versions(model_path: str | os.PathLike[str]) -> dict[int, Path]:
    """Finds the versions TF Serving would see.

    Args:
        model_path: `BASE/NAME`.

    Returns:
        Positive version numbers to their paths, in ascending order.

    Raises:
        FileNotFoundError: If there is no such folder.
    """
    folder = Path(model_path)
    if not folder.is_dir():
        raise FileNotFoundError(f"no model folder at {folder}; publish a version first")
    found = {}
    for child in sorted(folder.iterdir()):
        number = parse_version(child.name)
        if number is not None and number > 0:
            found[number] = child
    return dict(sorted(found.items()))


class Staging:
    """A version being built in `BASE/NAME/`, invisible to servers until `commit`.

    Args:
        model_path: `BASE/NAME`.
        folder: The hidden folder that holds `version/` and whatever else the work needs.
    """

    def __init__(self, model_path: Path, folder: Path):
        self.model_path = model_path
        self.folder = folder
        self.version = folder / "version"

    def commit(self) -> Path:
        """Flushes the version to disk and gives it its number, in one rename.

        Returns:
            The version's path. Its number is one more than the highest ever visible.
        """
        _sync_tree(self.version)
        with locked(self.model_path):
            while True:
                number = _highest(self.model_path) + 1
                if number >= _INT64:
                    raise OSError(
                        f"{self.model_path} holds version {number - 1}, the highest there is"
                    )
                target = self.model_path / str(number)
                try:
                    os.rename(self.version, target)
                    break
                except OSError:
                    # A writer that takes no locks may have come first with the same number.
                    if not os.path.lexists(target):
                        raise
            sync(self.model_path)
        return target


@contextlib.contextmanager
def staging(base: str | os.PathLike[str], name: str) -> Iterator[Staging]:
    """Opens a hidden sibling in which to build the next version of a model.

    What killed publishers left behind is removed first; what this one leaves is removed at
    the end, whether it committed or failed.

    Args:
        base: The model server's base folder; made if absent, like `BASE/NAME`.
        name: The model's name.

    Yields:
        The `Staging`, with its empty folder.

    Raises:
        ValueError: If the name is not usable.
        OSError: If the folder can't be made or written.
    """
    model_path = Path(base).absolute() / check_name(name)
    try:
        _make_folders(model_path)
        with locked(model_path):
            remove_leftovers(model_path)
            folder = model_path / f"{STAGING}{os.getpid()}-{secrets.token_hex(4)}"
            folder.mkdir()
            alive = _try_lock(folder)
    except NotADirectoryError as error:
        raise NotADirectoryError(f"base path {base} is not a folder: {error.filename}") from error
    except FileExistsError as error:
        raise NotADirectoryError(f"base path {base} is not a folder: {error.filename}") from error
    except OSError as error:
        raise OSError(error.errno, f"base path is not writable: {error.strerror}", str(base)) from (
            error
        )
    try:
        yield Staging(model_path, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if alive is not None:
            os.close(alive)


@contextlib.contextmanager
def locked(model_path: Path) -> Iterator[None]:
    """Holds the model's folder against other publishers; the kernel frees it on any death."""
    lock = os.open(model_path / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def remove_leftovers(model_path: Path) -> None:
    """Removes what killed publishers and prunes left; call it with the folder locked."""
    for child in model_path.glob(f"{STAGING}*"):
        lock = _try_lock(child)
        if lock is not None:
            shutil.rmtree(child, ignore_errors=True)
            os.close(lock)
    for child in model_path.glob(f"{REMOVING}*"):
        shutil.rmtree(child, ignore_errors=True)


def sync(path: Path) -> None:
    """Flushes a file, or the entries of a folder, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _got(name: str) -> str:
    return f"Received: name={name!r}; use for example name='digits-hash'"


def _highest(model_path: Path) -> int:
    """Highest number present, set-aside versions included: servers never reuse a number."""
    numbers = [parse_version(child.removeprefix(RETIRED)) for child in os.listdir(model_path)]
    return max([number for number in numbers if number is not None and number > 0], default=0)


def _try_lock(folder: Path) -> int | None:
    """Locks a staging folder for the life of this process; None if its owner is alive."""
    try:
        lock = os.open(folder / ".alive", os.O_RDWR | os.O_CREAT, 0o600)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def _make_folders(path: Path) -> None:
    """`mkdir -p` whose new directory entries survive a power cut."""
    if path.is_dir():
        return
    _make_folders(path.parent)
    with contextlib.suppress(FileExistsError):
        path.mkdir()
        sync(path.parent)
    if not path.is_dir():
        raise NotADirectoryError(20, "Not a directory", str(path))


def _sync_tree(folder: Path) -> None:
    for root, _, files in os.walk(folder, topdown=False):
        for file in files:
            sync(Path(root, file))
        sync(Path(root))
