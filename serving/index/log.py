"""The log: adds and removes since the last checkpoint, one checksummed record each.

A record is a 24-byte prefix (magic, CRC-32 of the body, body length, CRC-32 of the prefix so
far) and a body: kind, number of ids, ids, then for an add the packed codes and, as JSON, the
payloads. Each body's checksum starts from the one before, so that records can't be lost,
doubled or reordered in the middle. A record that ends before it is complete was never
acknowledged (the process was killed while writing it) and does not count.
"""

from __future__ import annotations

import contextlib
import os
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from serving.index.errors import HashIndexError, IndexDamagedError

PREFIX = struct.Struct("<4sIQII")
BODY = struct.Struct("<BxxxxxxxQ")
MAGIC = b"hlog"
ADD, REMOVE = 1, 2


class Operation(NamedTuple):
    """An add (or replacement) of entries, or a removal (codes is None).

    Attributes:
        ids: int64 [n], each id once.
        codes: uint8 [n, bytes].
        payloads: n JSON texts, empty where an entry has none.
    """

    ids: np.ndarray
    codes: np.ndarray | None = None
    payloads: Sequence[str] | None = None


class LogReader:
    """Reads the complete records of a log, from where it last stopped.

    Args:
        path: The log file.
        seed: Start of the chain of checksums.
        code_bytes: Bytes of a packed code.
    """

    def __init__(self, path: Path, seed: int, code_bytes: int):
        self.path = path
        self.name = str(path)
        self.offset = 0
        self.crc = seed
        self.records = 0
        self._code_bytes = code_bytes

    def read(self) -> list[Operation]:
        """Returns the operations that were completed since the last call.

        Raises:
            IndexDamagedError: If a complete record fails its checksum.
        """
        with open(self.path, "rb") as file:
            if os.fstat(file.fileno()).st_size < self.offset:
                raise IndexDamagedError(f"{self.path} is damaged: cut below what it held")
            file.seek(self.offset)
            data = file.read()
        operations = []
        at = 0
        while at + PREFIX.size <= len(data):
            magic, crc, length, _, check = PREFIX.unpack_from(data, at)
            if magic != MAGIC or zlib.crc32(data[at : at + PREFIX.size - 4]) != check:
                raise self._damaged(at)
            body = data[at + PREFIX.size : at + PREFIX.size + length]
            if len(body) < length:
                break
            if zlib.crc32(body, self.crc) != crc:
                raise self._damaged(at)
            operations.append(_decode(body, self._code_bytes))
            at += PREFIX.size + length
            self.crc = crc
        self.offset += at
        self.records += len(operations)
        return operations

    def _damaged(self, at: int) -> IndexDamagedError:
        return IndexDamagedError(
            f"{self.path} is damaged: the record at byte {self.offset + at} fails its checksum"
        )


class LogWriter:
    """Appends records to a log; each is on disk when `append` returns.

    Args:
        reader: A reader of the same log that has read all of it; what follows its position
            (a record that was never completed) is cut off.
    """

    def __init__(self, reader: LogReader):
        self._reader = reader
        self._file = open(reader.path, "r+b", buffering=0)  # noqa: SIM115
        self._file.truncate(reader.offset)
        os.fsync(self._file.fileno())
        self._broken = False

    def append(self, operation: Operation) -> None:
        """Writes one record and waits until it is on disk.

        Raises:
            OSError: If the disk is full or fails; the log is then as it was before.
        """
        if self._broken:
            raise HashIndexError(
                f"an earlier write to {self._reader.path} failed and could not be undone; "
                "close the index and open it again"
            )
        body = _encode(operation)
        crc = zlib.crc32(body, self._reader.crc)
        prefix = PREFIX.pack(MAGIC, crc, len(body), 0, 0)[:-4]
        record = prefix + struct.pack("<I", zlib.crc32(prefix)) + body
        try:
            self._file.seek(self._reader.offset)
            remaining = memoryview(record)
            while remaining:
                remaining = remaining[self._file.write(remaining) :]
            os.fsync(self._file.fileno())
        except BaseException:
            self._broken = True
            with contextlib.suppress(OSError):
                self._file.truncate(self._reader.offset)
                os.fsync(self._file.fileno())
                self._broken = False
            raise
        self._reader.offset += len(record)
        self._reader.crc = crc
        self._reader.records += 1

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def _encode(operation: Operation) -> bytes:
    parts = [BODY.pack(REMOVE if operation.codes is None else ADD, len(operation.ids))]
    parts.append(np.ascontiguousarray(operation.ids, "<i8").tobytes())
    if operation.codes is not None:
        parts.append(np.ascontiguousarray(operation.codes).tobytes())
        if operation.payloads is not None:
            parts.append("\n".join(operation.payloads).encode())
    return b"".join(parts)


def _decode(body: bytes, code_bytes: int) -> Operation:
    kind, count = BODY.unpack_from(body)
    at = BODY.size
    ids = np.frombuffer(body, "<i8", count, at)
    if kind == REMOVE:
        return Operation(ids)
    at += ids.nbytes
    codes = np.frombuffer(body, np.uint8, count * code_bytes, at).reshape(count, code_bytes)
    at += codes.nbytes
    payloads = body[at:].decode().split("\n") if at < len(body) else None
    return Operation(ids, codes, payloads)
