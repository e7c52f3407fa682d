"""Files that are replaced whole or not at all."""

from __future__ import annotations

import contextlib
import os
import pathlib
from collections.abc import Iterator


@contextlib.contextmanager
def replacing(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Gives a file beside `path` to write; flushed to disk, it takes the place of `path`.

    If the block fails, `path` stays as it was. The ending of the name is kept.

    Args:
        path: The file to replace or to make.

    Example:
    >>> with replacing(pathlib.Path("metrics.json")) as partial:
    ...     partial.write_text("{}")
    """
    partial = path.with_name(f".partial.{path.name}")
    try:
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
