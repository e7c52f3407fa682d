"""Files of named arrays that are written whole or not at all, checksummed, and memory-mapped.

A file is a 24-byte prefix (magic, header length, header CRC-32, file size), a JSON header
`{"meta": {...}, "arrays": {name: {"dtype", "shape", "offset", "crc"}}}` and the arrays, each
at a multiple of 64 bytes. It is written beside its final name, flushed to disk, then renamed.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from serving.index.errors import IndexDamagedError

MAGIC = b"AEZHASH1"
PREFIX = struct.Struct("<8sIIQ")


def write_arrays(path: Path, meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Writes a file of arrays atomically and durably.

    Raises:
        OSError: If the disk is full or fails; nothing of the file is left then.
    """
    entries: dict[str, Any] = {}
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    offset = 0  # from the end of the header
    for name, array in contiguous.items():
        offset = _aligned(offset)
        entries[name] = {
            "dtype": array.dtype.str,
            "shape": list(array.shape),
            "offset": offset,
            "crc": zlib.crc32(_raw(array)),
        }
        offset += array.nbytes
    header = json.dumps({"meta": meta, "arrays": entries}).encode()
    start = _aligned(PREFIX.size + len(header))
    prefix = PREFIX.pack(MAGIC, len(header), zlib.crc32(header), start + offset)
    temporary = path.with_name(path.name + ".tmp")
    try:
        with open(temporary, "wb") as file:
            file.write((prefix + header).ljust(start, b"\0"))
            for name, array in contiguous.items():
                gap = start + entries[name]["offset"] - file.tell()
                file.write(b"\0" * gap)
                file.write(_raw(array))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync_directory(path.parent)


def read_arrays(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Maps a file of arrays into memory after checking every checksum.

    Returns:
        The meta data, and read-only arrays that stay valid when the file is deleted.

    Raises:
        FileNotFoundError: If there is no such file.
        IndexDamagedError: If the file is not what was written.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size < PREFIX.size:
            raise IndexDamagedError(f"{path} is damaged: cut to {size} bytes")
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    magic, length, crc, expected = PREFIX.unpack_from(data)
    if magic != MAGIC:
        raise IndexDamagedError(f"{path} is damaged or no file of an index: wrong magic number")
    if size != expected:
        raise IndexDamagedError(f"{path} is damaged: {size} bytes instead of {expected}")
    header = data[PREFIX.size : PREFIX.size + length]
    if zlib.crc32(header) != crc:
        raise IndexDamagedError(f"{path} is damaged: its header fails its checksum")
    content = json.loads(header)
    start = _aligned(PREFIX.size + length)
    arrays = {}
    for name, entry in content["arrays"].items():
        count = int(np.prod(entry["shape"], dtype=np.int64))
        array = np.frombuffer(data, entry["dtype"], count, start + entry["offset"])
        arrays[name] = array.reshape(entry["shape"])
        if zlib.crc32(_raw(arrays[name])) != entry["crc"]:
            raise IndexDamagedError(f"{path} is damaged: {name!r} fails its checksum")
    return content["meta"], arrays


def sync_directory(path: Path) -> None:
    """Makes renames and deletions in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _raw(array: np.ndarray) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _aligned(offset: int) -> int:
    return -(-offset // 64) * 64
