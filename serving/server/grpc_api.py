"""The gRPC face of the server: which path leads to which answer, and on which thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from grpc_reflection.v1alpha.reflection import SERVICE_NAME, ReflectionServicer
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest

from serving.server.grpc_core import CoreServer, Method, Rpc
from serving.server.health import Health
from serving.server.services import Services
from serving.wire.messages import MODEL_SERVICE, PREDICTION_SERVICE, pool

_REFLECTION = (SERVICE_NAME, SERVICE_NAME.replace("v1alpha", "v1"))  # of the same messages
_LONGEST = 3600.0  # seconds that a reload without a deadline may wait

Answer = Callable[[Rpc], bytes]


def build_server(services: Services, health: Health) -> CoreServer:
    """Makes a server that answers all services; without a port yet.

    Args:
        services: The answers of PredictionService and ModelService.
        health: Those of gRPC's health service.
    """
    options = services.options

    def runs_a_model(answer: Callable[[bytes], bytes]) -> Method:
        def submit(rpc: Rpc) -> None:
            services.executor.submit(_answer, rpc, lambda rpc: answer(rpc.data))

        return submit

    prediction = {
        "Predict": services.predict,
        "Classify": runs_a_model(services.classify),
        "Regress": runs_a_model(services.regress),
        "MultiInference": runs_a_model(services.multi_inference),
        "GetModelMetadata": _at_once(services.get_model_metadata),
    }
    model = {
        "GetModelStatus": _at_once(services.get_model_status),
        "HandleReloadConfigRequest": _reload_with(services),
    }
    methods = {
        **{f"/{PREDICTION_SERVICE}/{name}": method for name, method in prediction.items()},
        **{f"/{MODEL_SERVICE}/{name}": method for name, method in model.items()},
        **{f"/{name}/ServerReflectionInfo": _reflection() for name in _REFLECTION},
    }
    if options.enable_grpc_healthcheck_service:
        methods["/grpc.health.v1.Health/Check"] = health.check
        methods["/grpc.health.v1.Health/Watch"] = health.watch
    return CoreServer(
        methods,
        options=[
            *options.grpc_channel_arguments,  # of several with one name the first counts
            ("grpc.max_receive_message_length", options.max_request_bytes),
            ("grpc.max_send_message_length", -1),
            # Two servers on one port would share its requests at random.
            ("grpc.so_reuseport", 0),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
        ],
        max_calls=options.max_concurrent_requests,
        on_pause=services.start_batches,
    )


def _answer(rpc: Rpc, answer: Answer) -> None:
    if rpc.gone:
        return
    try:
        rpc.reply(answer(rpc))
    except Exception as error:
        rpc.fail(error)


def _at_once(answer: Callable[[bytes], bytes]) -> Method:
    return lambda rpc: rpc.reply(answer(rpc.data))


def _reload_with(services: Services) -> Method:
    def reload(rpc: Rpc) -> bytes:
        return services.reload(rpc.data, min(rpc.deadline - time.time(), _LONGEST))

    # It waits for models to load: on a thread of its own.
    return lambda rpc: threading.Thread(target=_answer, args=(rpc, reload), daemon=True).start()


def _reflection() -> Method:
    servicer = ReflectionServicer((PREDICTION_SERVICE, MODEL_SERVICE, *_REFLECTION), pool=pool)

    def describe(rpc: Rpc) -> None:
        requests = iter([ServerReflectionRequest.FromString(rpc.data)])
        rpc.send(next(servicer.ServerReflectionInfo(requests, None)).SerializeToString())
        rpc.receive()

    return describe
