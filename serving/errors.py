# ruff: noqa: N818 - named as what went wrong
"""One family of exceptions for everything a model server or a request can get wrong."""

from __future__ import annotations

import grpc


class ServingError(Exception):
    """A request failed.

    Attributes:
        code: The gRPC status code's name, such as `"NOT_FOUND"`; empty for a request that was
            refused before it was sent.
    """

    def __init__(self, message: str, code: str = ""):
        super().__init__(message)
        self.code = code


class InvalidInput(ServingError, ValueError):
    """The request does not fit the model: names, dtypes, shapes or values."""


class SignatureNotFound(InvalidInput):
    """The model has no signature of that name."""


class ModelNotFound(ServingError):
    """The server has no such model, version or label."""


class FailedPrecondition(ServingError):
    """The model is loaded but cannot answer this request."""


class ServerUnavailable(ServingError, ConnectionError):
    """There is no server at the address, or it is not taking requests."""


class DeadlineExceeded(ServingError, TimeoutError):
    """The answer did not come in time."""


class Overloaded(ServingError):
    """The server refused: too many requests at once, or one too large."""


class NotAllowed(ServingError):
    """The server wants other credentials."""


class Unsupported(ServingError):
    """The server does not have this method."""


class ServerError(ServingError):
    """The server failed while it answered."""


class ClientClosed(ServingError, ValueError):
    """The client was closed before the call, or while it was under way."""


_BY_CODE: dict[grpc.StatusCode, type[ServingError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidInput,
    grpc.StatusCode.OUT_OF_RANGE: InvalidInput,
    grpc.StatusCode.NOT_FOUND: ModelNotFound,
    grpc.StatusCode.FAILED_PRECONDITION: FailedPrecondition,
    grpc.StatusCode.UNAVAILABLE: ServerUnavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Overloaded,
    grpc.StatusCode.PERMISSION_DENIED: NotAllowed,
    grpc.StatusCode.UNAUTHENTICATED: NotAllowed,
    grpc.StatusCode.UNIMPLEMENTED: Unsupported,
}

# How gRPC's own messages begin when no connection could be made; all else that is UNAVAILABLE
# may be a server's answer.
_NO_CONNECTION = ("failed to connect", "connections to all backends failing", "DNS resolution")


def from_rpc(error: grpc.RpcError, target: str) -> ServingError:
    """Translates gRPC's error, keeping the server's message.

    Args:
        error: What a stub raised.
        target: The server's address, named where the server itself said nothing.

    Returns:
        The exception to raise.
    """
    code, details = error.code(), error.details() or ""
    kind = _BY_CODE.get(code, ServerError)
    if kind is ServerUnavailable and "batch scheduling queue" in details:
        kind = Overloaded
    elif kind is ServerUnavailable:
        missing = details.startswith(_NO_CONNECTION)
        said = f"no server answers at {target}" if missing else f"{target} is not available"
        details = f"{said} ({details})" if details else said
    elif kind is DeadlineExceeded:
        details = f"no answer from {target} in time ({details})"
    elif code is grpc.StatusCode.FAILED_PRECONDITION and "Serving signature key" in details:
        kind = SignatureNotFound
    elif kind is InvalidInput and "Unrecognized servable version label" in details:
        kind = ModelNotFound
    return kind(details or f"{target} answered {code.name}", code.name)


# What a server answers that may be ready a moment later.
NOT_READY = (ServerUnavailable, DeadlineExceeded, ModelNotFound, InvalidInput, Overloaded)
