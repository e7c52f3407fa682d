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
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from serving.index.errors import IndexDamagedError

MAGIC = b"AEZHASH1"
PREFIX = struct.Struct("<8sIIQ")
CHUNK = 1 << 26  # bytes written at once


class ArraysWriter:
    """A file of arrays being written, perhaps by several threads; see `writing_arrays`.

    Args:
        file: An open file.
        meta: What else the header says.
        arrays: The arrays that will be put; their values may still be unknown.
    """

    def __init__(self, file: int, meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray]):
        self._file = file
        self._meta = meta
        self._entries: dict[str, Any] = {}
        offset = 0  # from the end of the header
        for name, array in arrays.items():
            offset = _aligned(offset)
            self._entries[name] = {
                "dtype": array.dtype.str,
                "shape": list(array.shape),
                "offset": offset,
                "crc": 2**32 - 1,  # as long as a checksum can be
            }
            offset += array.nbytes
        self._length = len(self._header())
        self._start = _aligned(PREFIX.size + self._length)
        self._size = self._start + offset

    def put(self, name: str, array: np.ndarray, at: int = 0) -> None:
        """Writes an array, or rows of it that begin `at` so many bytes."""
        place = self._start + self._entries[name]["offset"] + at
        remaining = _raw(array)
        while remaining:
            written = os.pwrite(self._file, remaining[:CHUNK], place)
            remaining, place = remaining[written:], place + written

    def checksum(self, name: str, array: np.ndarray) -> None:
        """Notes the checksum of a whole array."""
        self._entries[name]["crc"] = zlib.crc32(_raw(array))

    def finish(self) -> None:
        """Writes the header, which makes the file valid, and flushes all to disk."""
        header = self._header().ljust(self._length)
        prefix = PREFIX.pack(MAGIC, len(header), zlib.crc32(header), self._size)
        os.ftruncate(self._file, self._size)
        os.pwrite(self._file, prefix + header, 0)
        os.fsync(self._file)

    def _header(self) -> bytes:
        return json.dumps({"meta": self._meta, "arrays": self._entries}).encode()


@contextlib.contextmanager
def writing_arrays(
    path: Path, meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> Iterator[ArraysWriter]:
    """Writes a file of arrays atomically and durably: at the end of the block it is there.

    Args:
        path: The file.
        meta: What else it says.
        arrays: Name, shape and dtype of what the block will put, all of it, with checksums.

    Raises:
        OSError: If the disk is full or fails; nothing of the file is left then.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        try:
            writer = ArraysWriter(file, meta, arrays)
            yield writer
            writer.finish()
        finally:
            os.close(file)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync_directory(path.parent)


def write_arrays(path: Path, meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Writes a file of arrays atomically and durably.

    Raises:
        OSError: If the disk is full or fails; nothing of the file is left then.
    """
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    with writing_arrays(path, meta, contiguous) as writer:
        for name, array in contiguous.items():
            writer.put(name, array)
            writer.checksum(name, array)


def read_arrays(path: Path, verify: bool = True) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Maps a file of arrays into memory after checking every checksum.

    Args:
        path: The file.
        verify: Whether to check the arrays, too; the header always is.

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
        if verify and zlib.crc32(_raw(arrays[name])) != entry["crc"]:
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
