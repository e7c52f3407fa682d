"""TFRecord files, read without TensorFlow."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path


def read_records(path: str | Path) -> Iterator[bytes]:
    """Reads an uncompressed TFRecord file.

    The checksums of the lengths are checked; those of the contents are left to the reader of the
    contents, because CRC-32C is slow in Python.

    Args:
        path: The file.

    Yields:
        The records.

    Raises:
        ValueError: The file is damaged or is not a TFRecord file.
    """
    with open(path, "rb") as file:
        while header := file.read(12):
            if len(header) < 12 or _masked_crc(header[:8]) != struct.unpack("<I", header[8:])[0]:
                raise ValueError(f"{path} is damaged, or is not a TFRecord file")
            (length,) = struct.unpack("<Q", header[:8])
            record = file.read(length)
            if len(record) < length or len(file.read(4)) < 4:
                raise ValueError(f"{path} is damaged: it ends within a record")
            yield record


def _masked_crc(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 & -(crc & 1))
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
