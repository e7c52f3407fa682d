"""Versions in an object store (`gs://`, `s3://`, ...), where nothing can be renamed.

A model server takes a version for good as soon as `saved_model.pb` is there, and never heals if
`variables/` was not: so that file is written last. A killed publisher can leave a numbered
folder without it, which servers report and do not serve; its number is not used again.
"""

from __future__ import annotations

import contextlib
import random
import secrets
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

from export.card import CARD_FILE
from export.errors import ExportError
from export.versions import check_name, parse_version

_CLAIM = ".claim-"
_LAST = "saved_model.pb"


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
        try:
            with _claimed(self.model_path) as number:
                target = f"{self.model_path}/{number}"
                try:
                    _upload(self.version, target)
                except BaseException:
                    with contextlib.suppress(tf.errors.OpError):
                        tf.io.gfile.rmtree(target)
                    raise
        except tf.errors.OpError as error:
            raise ExportError(f"could not write to {self.model_path}: {error.message}") from error
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
        with tf.io.gfile.GFile(claim, "wb") as file:
            file.write(b"claimed by a publisher at work\n")
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


def _numbers(model_path: str) -> list[int]:
    names = [
        child.removeprefix(_CLAIM).split("-")[0] if child.startswith(_CLAIM) else child
        for child in _children(model_path)
    ]
    numbers = [parse_version(name) for name in names]
    return [number for number in numbers if number is not None and number > 0]


def _children(model_path: str) -> list[str]:
    return [child.rstrip("/") for child in tf.io.gfile.listdir(model_path)]


def _upload(version: Path, target: str) -> None:
    files = [file for file in sorted(version.rglob("*")) if file.is_file()]
    first = [file for file in files if file != version / _LAST]
    for file in [*first, version / _LAST]:
        destination = f"{target}/{file.relative_to(version).as_posix()}"
        tf.io.gfile.makedirs(destination.rsplit("/", 1)[0])
        tf.io.gfile.copy(str(file), destination)
        size = tf.io.gfile.stat(destination).length
        if size != file.stat().st_size:
            raise ExportError(f"{destination} has {size} bytes instead of {file.stat().st_size}")
