"""Versions in an object store (`gs://`, `s3://`, ...), where nothing can be renamed.

A model server takes a version for good as soon as `saved_model.pb` is there, and never heals if
`variables/` was not: so that file is written last. A killed publisher can leave a numbered
folder without it, which servers report and do not serve; its number is not used again. For the
same reason that file is the first to go when a version is removed.
"""

from __future__ import annotations

import contextlib
import random
import re
import secrets
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import tensorflow as tf

from export.card import CARD_FILE
from export.errors import ExportError
from export.versions import RETIRED, check_name, parse_version

_CLAIM = ".claim-"
_LAST = "saved_model.pb"
# A claim this old is that of a publisher that was killed.
_STALE_SECONDS = 24 * 3600


class StoreStaging:
    """A version being built on the local disk, to be uploaded by `commit`.

    Args:
        model_path: `BASE/NAME` in the store.
        folder: The local folder that holds `version/` and whatever else the work needs.
    """

    def __init__(self, model_path: str, folder: Path):
        self.model_path = model_path
        self.folder = folder
        self.version = folder / "version"

    def commit(self) -> str:
        """Uploads the version under the next free number, `saved_model.pb` last.

        Returns:
            The version's URI.

        Raises:
            ExportError: If the store refuses; what was uploaded is removed.
        """
        with _told(f"could not write to {self.model_path}"), _claimed(self.model_path) as number:
            target = f"{self.model_path}/{number}"
            try:
                _upload(self.version, target)
            except BaseException:
                with contextlib.suppress(tf.errors.OpError):
                    _remove(target)
                raise
        return target


@contextlib.contextmanager
def staging(base: str, name: str) -> Iterator[StoreStaging]:
    """Opens a local folder in which to build the next version of a model in a store.

    Args:
        base: URI of the model server's base folder.
        name: The model's name.

    Yields:
        The `StoreStaging`, with its empty folder.

    Raises:
        ValueError: If the name or the scheme of the URI is not usable.
        ExportError: If the store can't be written.
    """
    model_path = f"{base.rstrip('/')}/{check_name(name)}"
    try:
        tf.io.gfile.makedirs(model_path)
    except tf.errors.UnimplementedError as error:
        raise ValueError(f"no file system for {base}: {error.message}") from error
    except tf.errors.OpError as error:
        raise ExportError(f"base path {base} is not writable: {error.message}") from error
    with tempfile.TemporaryDirectory(prefix="publish-") as folder:
        yield StoreStaging(model_path, Path(folder))


def mirror(source: str, folder: Path, contents: bool) -> None:
    """Makes a local picture of a folder in a store.

    Args:
        source: URI of the folder.
        folder: An empty local folder.
        contents: Whether to download all files; otherwise model cards only, and holes of the
            right size for the others.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If the scheme of the URI is not usable.
        ExportError: If the store can't be read.
    """
    source = source.rstrip("/")
    try:
        if not tf.io.gfile.isdir(source):
            raise FileNotFoundError(f"no folder at {source}")
        for place, _, files in tf.io.gfile.walk(source):
            here = folder / place.removeprefix(source).strip("/")
            here.mkdir(parents=True, exist_ok=True)
            for name in files:
                origin = f"{place.rstrip('/')}/{name}"
                if contents or name == CARD_FILE:
                    tf.io.gfile.copy(origin, str(here / name), overwrite=True)
                else:
                    with (here / name).open("wb") as hole:
                        hole.truncate(tf.io.gfile.stat(origin).length)
    except tf.errors.UnimplementedError as error:
        raise ValueError(f"no file system for {source}: {error.message}") from error
    except tf.errors.OpError as error:
        raise ExportError(f"could not read {source}: {error.message}") from error


def numbers(model_path: str) -> list[int]:
    """Numbers of a model's versions, whole or not, ascending."""
    found = [parse_version(child) for child in _children(model_path)]
    return sorted(number for number in found if number is not None and number > 0)


def retire(model_path: str, versions: Mapping[int, str]) -> None:
    """Sets versions aside as `.retired-VERSION`, in the order given; can be repeated after a kill.

    Args:
        model_path: `BASE/NAME` in the store.
        versions: Numbers and the names of their folders.

    Raises:
        ExportError: If the store refuses, or a publisher is writing one of them.
    """
    claimed = _claims(model_path)
    for number in versions:
        if number in claimed:
            raise ExportError(
                f"version {number} is being written; if its publisher was killed, remove "
                f"{model_path}/{claimed[number]}"
            )
    with _told(f"could not change {model_path}"):
        for number, child in versions.items():
            _copy(f"{model_path}/{child}", f"{model_path}/{RETIRED}{number}")
            _remove(f"{model_path}/{child}")


def discard(model_path: str, versions: Mapping[int, str]) -> list[int]:
    """Removes versions, in the order given, but for those that a publisher is writing.

    Args:
        model_path: `BASE/NAME` in the store.
        versions: Numbers and the names of their folders.

    Returns:
        The numbers removed.

    Raises:
        ExportError: If the store refuses.
    """
    going = {n: child for n, child in versions.items() if n not in _claims(model_path)}
    with _told(f"could not change {model_path}"):
        for child in going.values():
            _remove(f"{model_path}/{child}")
    return list(going)


@contextlib.contextmanager
def _claimed(model_path: str) -> Iterator[int]:
    """Finds a number that no version has and no other publisher is about to use.

    A store has no locks, but a listing shows every object written before it. So each publisher
    writes a claim and then lists: of two that claim the same number at least the later one sees
    both claims, and whoever sees another's claim steps back.
    """
    token = secrets.token_hex(8)
    while True:
        number = max(_numbers(model_path), default=0) + 1
        claim = f"{model_path}/{_CLAIM}{number}-{token}"
        with tf.io.gfile.GFile(claim, "w") as file:
            file.write(f"claimed at {time.time():.0f} s since 1970\n")
        rivals = [
            child
            for child in _children(model_path)
            if child.startswith(f"{_CLAIM}{number}-") and not child.endswith(token)
        ]
        if not rivals and str(number) not in _children(model_path):
            break
        tf.io.gfile.remove(claim)
        time.sleep(random.uniform(0, 0.5))
    try:
        yield number
    finally:
        with contextlib.suppress(tf.errors.OpError):
            tf.io.gfile.remove(claim)


def _claims(model_path: str) -> dict[int, str]:
    """Numbers that publishers at work have claimed, and the names of their claims."""
    claims = {}
    for child in _children(model_path):
        number = parse_version(child.removeprefix(_CLAIM).split("-")[0])
        if child.startswith(_CLAIM) and number is not None:
            with contextlib.suppress(tf.errors.NotFoundError):
                with tf.io.gfile.GFile(f"{model_path}/{child}") as file:
                    made = re.search("[0-9]+", file.read())
                if made is None or time.time() - int(made[0]) < _STALE_SECONDS:
                    claims[number] = child
    return claims


def _numbers(model_path: str) -> list[int]:
    """Numbers that are taken: of versions, claims, and versions set aside."""
    names = [
        child.removeprefix(_CLAIM).split("-")[0]
        if child.startswith(_CLAIM)
        else child.removeprefix(RETIRED)
        for child in _children(model_path)
    ]
    numbers = [parse_version(name) for name in names]
    return [number for number in numbers if number is not None and number > 0]


def _children(model_path: str) -> list[str]:
    return [child.rstrip("/") for child in tf.io.gfile.listdir(model_path)]


def _upload(version: Path, target: str) -> None:
    files = [file for file in sorted(version.rglob("*")) if file.is_file()]
    sizes = {file.relative_to(version).as_posix(): file.stat().st_size for file in files}
    _write(str(version), target, sizes)


def _copy(source: str, target: str) -> None:
    sizes = {
        f"{place.removeprefix(source)}/{name}".strip("/"): tf.io.gfile.stat(
            f"{place.rstrip('/')}/{name}"
        ).length
        for place, _, files in tf.io.gfile.walk(source)
        for name in files
    }
    _write(source, target, sizes)


def _write(source: str, target: str, sizes: Mapping[str, int]) -> None:
    """Copies files, `saved_model.pb` last."""
    for name in sorted(sizes, key=lambda name: (name == _LAST, name)):
        destination = f"{target}/{name}"
        tf.io.gfile.makedirs(destination.rsplit("/", 1)[0])
        if tf.io.gfile.exists(destination):
            tf.io.gfile.remove(destination)  # some file systems append instead of overwriting
        tf.io.gfile.copy(f"{source}/{name}", destination)
        size = tf.io.gfile.stat(destination).length
        if size != sizes[name]:
            raise ExportError(f"{destination} has {size} bytes instead of {sizes[name]}")


def _remove(version: str) -> None:
    """Removes a version, `saved_model.pb` first."""
    if tf.io.gfile.exists(f"{version}/{_LAST}"):
        tf.io.gfile.remove(f"{version}/{_LAST}")
    tf.io.gfile.rmtree(version)


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except tf.errors.OpError as error:
        raise ExportError(f"{what}: {error.message}") from error
