"""What each RPC answers, without any network: requests in, responses out, StatusError raised."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError

from serving.server import examples_api
from serving.server.batching import Batcher
from serving.server.config import ServerOptions
from serving.server.manager import Manager
from serving.server.metrics import Metrics, Timed
from serving.server.pending import Answer, Caller, Pending
from serving.server.predict import prepare
from serving.server.status import invalid
from serving.server.text_config import read_models
from serving.wire import messages

_ALONE = 128 << 10  # requests of so many bytes run alone, and are decoded where they run


@dataclass(frozen=True)
class Services:
    """PredictionService and ModelService over the models of a manager.

    Attributes:
        manager: The models.
        batcher: Runs calls, small ones together; None runs each alone.
        executor: Where large requests are decoded and run.
        metrics: Counts and latencies.
        options: The limits, and how to answer.
    """

    manager: Manager
    batcher: Batcher | None
    executor: Executor
    metrics: Metrics
    options: ServerOptions

    def predict(self, caller: Caller, entrypoint: str = "GRPC") -> None:
        """Answers Predict later: small requests after the next `start_batches`."""
        alone = len(caller.data) >= _ALONE and not self.options.batching
        if self.batcher is None or alone:
            self.executor.submit(self._predict, caller, entrypoint, None)
        else:
            self._predict(caller, entrypoint, self.batcher)

    def start_batches(self) -> None:
        """Runs the requests that were put together until now."""
        if self.batcher:
            self.batcher.start()

    def _predict(self, caller: Caller, entrypoint: str, batcher: Batcher | None) -> None:
        if caller.gone:
            return
        try:
            request = messages.PredictRequest.FromString(caller.data)
        except DecodeError as error:
            caller.fail(error)
            return
        timed = self._timed(request.model_spec.name, "Predict", entrypoint)
        pending = Pending(caller, timed, self.options.enable_serialization_as_tensor_content)
        answer: Answer
        try:
            _require_spec(request)
            pending.servable = self.manager.use(request.model_spec)
            pending.call = prepare(request, pending.servable, self.options.max_request_bytes)
            if batcher:
                batcher.add(pending)
                return
            answer = pending.call.run()
        except Exception as error:
            answer = error
        pending.finish(answer)

    def classify(self, data: bytes) -> bytes:
        """Answers Classify."""
        request = messages.ClassificationRequest.FromString(data)
        return self.classify_message(request, "GRPC").SerializeToString()

    def classify_message(self, request: Any, entrypoint: str) -> Any:
        """Answers a decoded Classify request."""
        return self._on_examples("Classify", examples_api.classify, request, entrypoint)

    def regress(self, data: bytes) -> bytes:
        """Answers Regress."""
        request = messages.RegressionRequest.FromString(data)
        return self.regress_message(request, "GRPC").SerializeToString()

    def regress_message(self, request: Any, entrypoint: str) -> Any:
        """Answers a decoded Regress request."""
        return self._on_examples("Regress", examples_api.regress, request, entrypoint)

    def multi_inference(self, data: bytes) -> bytes:
        """Answers MultiInference."""
        request = messages.MultiInferenceRequest.FromString(data)
        spec = examples_api.check_tasks(request)
        with (
            self._timed(spec.name, "MultiInference", "GRPC"),
            self.manager.use(spec) as servable,
        ):
            response = examples_api.multi_inference(request, servable)
            return response.SerializeToString()

    def get_model_metadata(self, data: bytes) -> bytes:
        """Answers GetModelMetadata: the signatures, as the SavedModel holds them."""
        request = messages.GetModelMetadataRequest.FromString(data)
        _require_spec(request)
        if not request.metadata_field:
            raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
        for field in request.metadata_field:
            if field != "signature_def":
                raise invalid(f"Metadata field {field} is not supported")
        response = messages.GetModelMetadataResponse()
        signatures = messages.SignatureDefMap()
        with self.manager.use(request.model_spec) as servable:
            response.model_spec.name = servable.name
            response.model_spec.version.value = servable.version
            for name, definition in servable.signatures.items():
                signatures.signature_def[name].CopyFrom(definition)
        packed = response.metadata["signature_def"]
        packed.type_url = "type.googleapis.com/tensorflow.serving.SignatureDefMap"
        packed.value = signatures.SerializeToString(deterministic=True)
        return response.SerializeToString()

    def get_model_status(self, data: bytes) -> bytes:
        """Answers GetModelStatus. As in TF Serving, a label is ignored."""
        request = messages.GetModelStatusRequest.FromString(data)
        _require_spec(request)
        spec = request.model_spec
        if not spec.name:
            raise invalid("ModelSpec has no name specified.")
        number = spec.version.value if spec.HasField("version") else None
        response = messages.GetModelStatusResponse()
        for version, state, error in self.manager.states(spec.name, number):
            entry = response.model_version_status.add(version=version, state=int(state))
            entry.status.SetInParent()
            if error:
                entry.status.error_code = error.code.value[0]
                entry.status.error_message = error.message
        return response.SerializeToString()

    def reload(self, data: bytes, timeout: float) -> bytes:
        """Answers HandleReloadConfigRequest once the new models are there."""
        request = messages.ReloadConfigRequest.FromString(data)
        if request.config.WhichOneof("config") != "model_config_list":
            raise invalid(
                "ServerModelConfig type not supported by HandleReloadConfigRequest. Only"
                " ModelConfigList is currently supported"
            )
        configs = read_models(request.config)
        # A little less than the caller waits, so that it learns why.
        self.manager.reload(configs, timeout * 0.9)
        response = messages.ReloadConfigResponse()
        response.status.SetInParent()
        return response.SerializeToString()

    def _on_examples(self, api: str, answer: Any, request: Any, entrypoint: str) -> Any:
        with self._timed(request.model_spec.name, api, entrypoint):
            _require_spec(request)
            with self.manager.use(request.model_spec) as servable:
                return answer(request, servable)

    def _timed(self, name: str, api: str, entrypoint: str) -> Timed:
        # All names that lead to no model are one, or anybody could fill the memory with them.
        return self.metrics.request(name if self.manager.knows(name) else "", api, entrypoint)


def _require_spec(request: Any) -> None:
    if not request.HasField("model_spec"):
        raise invalid("Missing ModelSpec")
