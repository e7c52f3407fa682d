"""gRPC's health service, with the names that TF Serving answers to."""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

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


def check(data: bytes) -> bytes:
    """Answers Check. As in TF Serving, it says nothing of the models."""
    if Request.FromString(data).service not in NAMES:
        raise StatusError("NOT_FOUND", "unknown service")
    return Response(status=SERVING).SerializeToString()
