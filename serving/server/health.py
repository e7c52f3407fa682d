"""gRPC's health service, with the names that TF Serving answers to."""

from __future__ import annotations

import threading
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from serving.server.grpc_core import Rpc
from serving.server.status import StatusError

NAMES = ("", "PredictionService", "ModelService")
SERVING, NOT_SERVING, SERVICE_UNKNOWN = 1, 2, 3


def _messages() -> tuple[Any, Any]:
    file = descriptor_pb2.FileDescriptorProto(
        name="health.proto", package="grpc.health.v1", syntax="proto3"
    )
    field = descriptor_pb2.FieldDescriptorProto
    request = file.message_type.add(name="HealthCheckRequest")
    request.field.add(name="service", number=1, type=field.TYPE_STRING, label=1)
    response = file.message_type.add(name="HealthCheckResponse")
    # An enum on the wire is an int32.
    response.field.add(name="status", number=1, type=field.TYPE_INT32, label=1)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = [pool.FindMessageTypeByName(f"grpc.health.v1.{m.name}") for m in file.message_type]
    return tuple(message_factory.GetMessageClass(one) for one in found)  # type: ignore[return-value]


Request, Response = _messages()


class Health:
    """Answers Check and Watch. As in TF Serving, they say nothing of the models."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watching: list[Rpc] = []
        self._stopped = False

    def check(self, rpc: Rpc) -> None:
        """Answers at once."""
        if Request.FromString(rpc.data).service not in NAMES:
            raise StatusError("NOT_FOUND", "unknown service")
        rpc.reply(_told(SERVING))

    def watch(self, rpc: Rpc) -> None:
        """Answers at once, and again when the server stops."""
        known = Request.FromString(rpc.data).service in NAMES
        with self._lock:
            if self._stopped:
                rpc.reply(_told(NOT_SERVING))
                return
            rpc.send(_told(SERVING if known else SERVICE_UNKNOWN))
            self._watching = [other for other in self._watching if not other.gone] + [rpc]

    def stop(self) -> None:
        """Tells those who watch, and ends their calls."""
        with self._lock:
            self._stopped = True
            for rpc in self._watching:
                rpc.reply(_told(NOT_SERVING))
            self._watching.clear()


def _told(status: int) -> bytes:
    return Response(status=status).SerializeToString()
