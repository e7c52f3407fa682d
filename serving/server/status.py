"""Errors that become gRPC statuses, as TF Serving words and cuts them."""

from __future__ import annotations

import grpc
import tensorflow as tf
from google.protobuf.message import DecodeError

_LIMIT = 1024
_PYTHONS = "Graph execution error:"  # put before what the runtime says, by `Session.run`


class StatusError(Exception):
    """A request that is answered with an error.

    Args:
        code: The gRPC code's name, such as `"NOT_FOUND"`.
        message: What the client reads.
    """

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = grpc.StatusCode[code]
        self.message = message


def invalid(message: str) -> StatusError:
    """An error that the request itself made."""
    return StatusError("INVALID_ARGUMENT", message)


def from_exception(error: BaseException) -> StatusError:
    """Turns what TensorFlow or the server raised into a status."""
    if isinstance(error, StatusError):
        return error
    if isinstance(error, tf.errors.OpError):
        message = error.message
        if message.startswith(_PYTHONS) and isinstance(error.__context__, tf.errors.OpError):
            message = error.__context__.message
        return StatusError(_CODES.get(error.error_code, "UNKNOWN"), message)
    if isinstance(error, DecodeError):
        return StatusError("INTERNAL", "Error parsing request proto")
    if isinstance(error, MemoryError):
        return StatusError("RESOURCE_EXHAUSTED", "out of memory")
    return StatusError("INTERNAL", f"{type(error).__name__}: {error}")


def cut(message: str) -> str:
    """Cuts a message to what fits into a gRPC trailer."""
    raw = message.encode("utf-8", "replace")
    if len(raw) <= _LIMIT:
        return message
    return raw[:_LIMIT].decode("utf-8", "ignore") + "...TRUNCATED"


_CODES = {code.value[0]: code.name for code in grpc.StatusCode}
