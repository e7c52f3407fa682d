"""A gRPC server of a few lines that answers as a model server would, to see what clients do."""

import threading
import time
from concurrent import futures

import grpc

from serving.wire.codec import BY_NAME, to_array, to_proto
from serving.wire.messages import (
    METHODS,
    PREDICTION_SERVICE,
    GetModelMetadataResponse,
    PredictResponse,
    SignatureDefMap,
)


def signature_map(**signatures):
    """Signature name to (inputs, outputs), each name to (dtype, shape)."""
    built = SignatureDefMap()
    for name, sides in signatures.items():
        definition = built.signature_def[name]
        for tensors, specs in zip((definition.inputs, definition.outputs), sides, strict=True):
            for key, (dtype, shape) in specs.items():
                tensors[key].dtype = BY_NAME[dtype].number
                for size in shape:
                    tensors[key].tensor_shape.dim.add(size=-1 if size is None else size)
    return built


EMBED = ({"inputs": ("float32", (None, 2))}, {"embedding": ("float32", (None, 2))})


class StubServer:
    """Predict echoes its inputs under the names of the outputs, in order of their names.

    Args:
        signatures: As for `signature_map`.
        credentials: For TLS.
        pause: Seconds that each Predict takes.
        fail: Called with each Predict request; returns a code and a message to fail with.
        host: Where to listen.

    Attributes:
        requests: The Predict requests received.
        most: The most Predict calls that were under way together.
    """

    def __init__(self, signatures=None, credentials=None, pause=0.0, fail=None, host="127.0.0.1"):
        self.signatures = signatures or {"embed": EMBED}
        self.requests, self.most = [], 0
        self._pause, self._fail = pause, fail
        self._now, self._lock = 0, threading.Lock()
        self._server = grpc.server(futures.ThreadPoolExecutor(32))
        answers = {"Predict": self._predict, "GetModelMetadata": self._metadata}
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(
                answer,
                METHODS[PREDICTION_SERVICE][name][0].FromString,
                METHODS[PREDICTION_SERVICE][name][1].SerializeToString,
            )
            for name, answer in answers.items()
        }
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(PREDICTION_SERVICE, handlers),)
        )
        if credentials:
            self.port = self._server.add_secure_port(f"{host}:0", credentials)
        else:
            self.port = self._server.add_insecure_port(f"{host}:0")
        self.address = f"{host}:{self.port}"

    def _metadata(self, request, context):
        response = GetModelMetadataResponse()
        response.metadata["signature_def"].value = signature_map(
            **self.signatures
        ).SerializeToString()
        return response

    def _predict(self, request, context):
        with self._lock:
            self.requests.append(request)
            self._now += 1
            self.most = max(self.most, self._now)
        try:
            time.sleep(self._pause)
            failure = self._fail(request) if self._fail else None
            if failure:
                context.abort(*failure)
            response = PredictResponse()
            outputs = sorted(self.signatures[request.model_spec.signature_name][1])
            for name, key in zip(outputs, sorted(request.inputs), strict=False):
                dtype = self.signatures[request.model_spec.signature_name][1][name][0]
                array = to_array(request.inputs[key])
                response.outputs[name].CopyFrom(to_proto(array, dtype))
            return response
        finally:
            with self._lock:
                self._now -= 1

    def __enter__(self):
        self._server.start()
        return self

    def __exit__(self, *_):
        self._server.stop(0).wait()
