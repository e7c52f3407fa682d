"""What the command lines read from files: rows to send, codes, ids, payloads."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from serving.index import JsonText

IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".bmp")


def read_rows(path: str | Path, key: str | None = None) -> Any:
    """Reads model inputs.

    Args:
        path: `.npy`; `.npz`; `.txt` (a string each line); an image file, or a directory of them
            (encoded bytes, for models of raw input).
        key: Which array of an `.npz`; needed when it holds several.

    Returns:
        An array [n, ...], or a list of `str` or `bytes`.

    Raises:
        ValueError: The file holds no rows; says what it holds.
        FileNotFoundError: There is no such file.
    """
    path = Path(path)
    if path.is_dir():
        files = [file for file in sorted(path.iterdir()) if file.suffix.lower() in IMAGES]
        if not files:
            raise ValueError(f"{path} holds no image; it needs files ending in {', '.join(IMAGES)}")
        return [file.read_bytes() for file in files]
    if not path.exists():
        raise FileNotFoundError(f"no such file: {path}")
    suffix = path.suffix.lower()
    if suffix in IMAGES:
        return [path.read_bytes()]
    if suffix == ".txt":
        # Not splitlines(), which also cuts at form feeds and the like.
        lines = path.read_text(encoding="utf-8-sig").split("\n")
        return lines if lines[-1] else lines[:-1]
    if suffix not in (".npy", ".npz"):
        raise ValueError(
            f"{path}: cannot read {suffix or 'a file without suffix'}; it must be .npy, .npz, .txt,"
            " an image, or a directory of images"
        )
    return _read_array(path, key)


def read_codes(path: str | Path, key: str | None = None) -> np.ndarray:
    """Reads packed codes, uint8 [n, bytes]."""
    codes = np.asarray(read_rows(path, key))
    if codes.dtype != np.uint8 or codes.ndim != 2:
        raise ValueError(
            f"{path}: received {codes.dtype} {list(codes.shape)}; packed codes are uint8 [n, bytes]"
        )
    return codes


def read_ids(path: str, count: int | None = None) -> np.ndarray:
    """Reads ids from an array of whole numbers, or from a text file with one a line.

    Raises:
        ValueError: If the file holds something else, or not `count` ids.
    """
    rows = read_rows(path)
    try:
        ids = np.array([int(row) for row in rows], np.int64) if isinstance(rows, list) else rows
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{path}: ids must be whole numbers, one a line; {error}") from None
    shape = f"[{'n' if count is None else count}]"
    if ids.dtype.kind not in "iu" or ids.ndim != 1 or (count is not None and len(ids) != count):
        one = "" if count is None else ", one a code"
        raise ValueError(
            f"{path}: received {ids.dtype} {list(ids.shape)}; ids must be int64 {shape}{one}"
        )
    return ids


def read_payloads(
    path: str | None, count: int, progress: Callable[[float], None]
) -> list[Any] | None:
    """Reads one JSON payload a line, empty lines for none; None without a file.

    Raises:
        ValueError: A line is not JSON, or there are not `count` lines.
    """
    if path is None:
        return None
    payloads = []
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                payloads.append(JsonText.of(line))
            except ValueError as error:
                raise ValueError(f"{path}, line {number} is not JSON: {error}") from None
            if number % 10_000 == 0:
                progress(min(1.0, number / count) if count else 1.0)
    if len(payloads) != count:
        raise ValueError(
            f"{path}: received {len(payloads)} payloads for {count} codes; there must be one"
            " line a code, an empty one for nothing"
        )
    return payloads


def _read_array(path: Path, key: str | None) -> np.ndarray:
    try:
        loaded = np.load(path, allow_pickle=False)
    except (zipfile.BadZipFile, EOFError, OSError, ValueError) as error:
        raise ValueError(f"{path}: not a NumPy file of plain numbers") from error
    if isinstance(loaded, np.ndarray):
        array = loaded
    else:
        with loaded:
            if key is None and len(loaded.files) != 1:
                raise ValueError(
                    f"{path} holds {', '.join(loaded.files) or 'no array'}; choose one with --key"
                )
            name = key or loaded.files[0]
            if name not in loaded.files:
                raise ValueError(
                    f"{path} has no array {name!r}; it holds {', '.join(loaded.files)}"
                )
            array = loaded[name]
    if array.ndim == 0:
        raise ValueError(f"{path} holds a single value; it must hold rows")
    return array
