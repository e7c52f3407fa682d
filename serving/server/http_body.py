"""The body of an HTTP/1.1 request, of a length told before or in chunks."""

from __future__ import annotations

import re
from email.message import Message
from io import BufferedIOBase

_CHUNK = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(;.*)?\r?\n")
_LINE = 8192  # bytes


class BadBodyError(Exception):
    """A body that is not read; the connection is of no more use then.

    Args:
        code: HTTP's.
        message: What the client reads.
    """

    def __init__(self, code: int, message: str):
        super().__init__(message)
        self.code = code


def read_body(headers: Message, file: BufferedIOBase, limit: int) -> bytes:
    """Reads it.

    Args:
        headers: Of the request.
        file: What comes after them.
        limit: Bytes at most.

    Raises:
        BadBodyError: Its length is not told, or is too large; or its chunks are none.
    """
    if coding := headers.get("Transfer-Encoding"):
        if coding.lower() != "chunked":
            raise BadBodyError(501, f"Transfer-Encoding {coding} is not supported")
        return _read_chunks(file, limit)
    length = headers.get("Content-Length", "")
    if not length.isdecimal():
        raise BadBodyError(411, "Content-Length is needed")
    if int(length) > limit:
        raise _too_large()
    return file.read(int(length))


def _read_chunks(file: BufferedIOBase, limit: int) -> bytes:
    body = bytearray()
    while found := _CHUNK.fullmatch(file.readline(_LINE)):
        size = int(found[1], 16)
        if len(body) + size > limit:
            raise _too_large()
        if not size:
            while file.readline(_LINE).strip():  # headers after the body
                pass
            return bytes(body)
        body += file.read(size)
        if file.readline(_LINE).strip():
            break
    raise BadBodyError(400, "the body is not in chunks")


def _too_large() -> BadBodyError:
    return BadBodyError(413, "request body is too large")
