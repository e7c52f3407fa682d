"""A new index that is there whole, or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from serving.index.files import sync_directory
from serving.index.hash_index import HashIndex


def is_free(path: str) -> bool:
    """Whether nothing is at a path but, at most, an empty directory."""
    target = Path(path)
    return not target.exists() or (target.is_dir() and not any(target.iterdir()))


@contextlib.contextmanager
def new_index(path: str, bits: int) -> Iterator[HashIndex]:
    """Makes an index that is there whole at the end of the block, or not at all."""
    if not is_free(path):
        raise ValueError(f"{path} exists already; use index add or import, or another path")
    target = Path(path).absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(target)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        with HashIndex.open(partial, bits=bits) as opened:
            yield opened
        os.replace(partial, target)
        sync_directory(target.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _remove_leftovers(target: Path) -> None:
    """Removes what builds of the same index left that were killed."""
    for child in target.parent.iterdir():
        match = re.fullmatch(rf"\.{re.escape(target.name)}\.([0-9]+)\.partial", child.name)
        if match and not _is_alive(int(match[1])):
            shutil.rmtree(child, ignore_errors=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # somebody else's
    return True
