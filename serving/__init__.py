"""Clients, an embedded model server and a hash index; never imports `zoo`.

Importing this takes NumPy, gRPC and protobuf only; TensorFlow comes with `serving.server`.
"""

from serving.aio import AsyncClient
from serving.client import Client
from serving.errors import (
    ClientClosed,
    DeadlineExceeded,
    FailedPrecondition,
    InvalidInput,
    ModelNotFound,
    NotAllowed,
    Overloaded,
    ServerError,
    ServerUnavailable,
    ServingError,
    SignatureNotFound,
    Unsupported,
)
from serving.requests import HashQuery, VersionStatus
from serving.signatures import Signature, TensorSpec
from serving.tls import TLS

__all__ = [
    "TLS",
    "AsyncClient",
    "Client",
    "ClientClosed",
    "DeadlineExceeded",
    "FailedPrecondition",
    "HashQuery",
    "InvalidInput",
    "ModelNotFound",
    "NotAllowed",
    "Overloaded",
    "ServerError",
    "ServerUnavailable",
    "ServingError",
    "Signature",
    "SignatureNotFound",
    "TensorSpec",
    "Unsupported",
    "VersionStatus",
]
