"""The gRPC face of the server: bytes in, bytes out, errors as statuses."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from grpc_reflection.v1alpha._async import ReflectionServicer
from grpc_reflection.v1alpha.reflection import SERVICE_NAME
from grpc_reflection.v1alpha.reflection_pb2_grpc import add_ServerReflectionServicer_to_server

from serving.server import health
from serving.server.config import ServerOptions
from serving.server.services import Services
from serving.server.status import cut, from_exception
from serving.wire.messages import MODEL_SERVICE, PREDICTION_SERVICE, pool

log = logging.getLogger("serving")
_LONGEST = 3600.0  # seconds that a reload without a deadline may wait

Method = Callable[[bytes, Any], Awaitable[bytes]]


def build_server(services: Services, options: ServerOptions) -> Any:
    """Makes a `grpc.aio.Server` that answers both services; without a port yet."""
    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", options.max_request_bytes),
            ("grpc.max_send_message_length", -1),
            # Two servers on one port would share its requests at random.
            ("grpc.so_reuseport", 0),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
        ],
        maximum_concurrent_rpcs=options.max_concurrent_requests,
    )
    server.add_generic_rpc_handlers(
        (
            _handlers(PREDICTION_SERVICE, _prediction_methods(services)),
            _handlers(MODEL_SERVICE, _model_methods(services)),
        )
    )
    names = (PREDICTION_SERVICE, MODEL_SERVICE, SERVICE_NAME)
    add_ServerReflectionServicer_to_server(ReflectionServicer(names, pool=pool), server)
    if options.enable_grpc_healthcheck_service:
        server.add_generic_rpc_handlers((health.handler(),))
    return server


def _prediction_methods(services: Services) -> dict[str, Method]:
    return {
        "Predict": lambda data, _: services.predict(data),
        "Classify": lambda data, _: services.classify(data),
        "Regress": lambda data, _: services.regress(data),
        "MultiInference": lambda data, _: services.multi_inference(data),
        "GetModelMetadata": lambda data, _: services.get_model_metadata(data),
    }


def _model_methods(services: Services) -> dict[str, Method]:
    return {
        "GetModelStatus": lambda data, _: services.get_model_status(data),
        "HandleReloadConfigRequest": lambda data, context: services.reload(
            data, min(context.time_remaining() or _LONGEST, _LONGEST)
        ),
    }


def _handlers(service: str, methods: dict[str, Method]) -> grpc.GenericRpcHandler:
    return grpc.method_handlers_generic_handler(
        service,
        {
            name: grpc.unary_unary_rpc_method_handler(_guard(f"{service}/{name}", method))
            for name, method in methods.items()
        },
    )


def _guard(name: str, method: Method) -> Any:
    """Turns exceptions into statuses."""

    async def answer(data: bytes, context: Any) -> bytes:
        try:
            return await method(data, context)
        except asyncio.CancelledError:
            raise
        except DecodeError:
            code, message = grpc.StatusCode.INTERNAL, "Error parsing request proto"
        except Exception as error:
            status = from_exception(error)
            code, message = status.code, cut(status.message)
            if code is grpc.StatusCode.INTERNAL:
                log.exception("%s failed", name)
        await context.abort(code, message)
        raise AssertionError("abort raises")

    return answer
