"""What each RPC answers, without any network: requests in, responses out, StatusError raised."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor
from typing import Any

from serving.server import examples_api
from serving.server.batching import Batcher
from serving.server.config import read_models
from serving.server.manager import Manager
from serving.server.predict import prepare, respond
from serving.server.status import invalid
from serving.wire import messages

_ALONE = 128 << 10  # requests of so many bytes are decoded off the event loop, and run alone


class Services:
    """PredictionService and ModelService over the models of a manager.

    Args:
        manager: The models.
        batcher: Runs calls, small ones together.
        executor: Where large requests are decoded and run.
        max_tensor_bytes: The largest tensor to decode.
        content: Answer in `tensor_content`.
    """

    def __init__(
        self,
        manager: Manager,
        batcher: Batcher | None,
        executor: Executor,
        max_tensor_bytes: int,
        content: bool = False,
    ):
        self._manager = manager
        self._batcher = batcher
        self._executor = executor
        self._max_tensor_bytes = max_tensor_bytes
        self._content = content

    async def predict(self, data: bytes) -> bytes:
        """Answers Predict."""
        if self._batcher is None or len(data) >= _ALONE:
            return await self._off_loop(self._predict_alone, data)
        request = messages.PredictRequest.FromString(data)
        _require_spec(request)
        with self._manager.use(request.model_spec) as servable:
            call = prepare(request, servable, self._max_tensor_bytes)
            arrays = await self._batcher.run(call)
            return respond(call, arrays, self._content).SerializeToString()

    def _predict_alone(self, data: bytes) -> bytes:
        request = messages.PredictRequest.FromString(data)
        _require_spec(request)
        with self._manager.use(request.model_spec) as servable:
            call = prepare(request, servable, self._max_tensor_bytes)
            return respond(call, call.run(), self._content).SerializeToString()

    async def classify(self, data: bytes) -> bytes:
        """Answers Classify."""
        return await self._on_examples(messages.ClassificationRequest, examples_api.classify, data)

    async def regress(self, data: bytes) -> bytes:
        """Answers Regress."""
        return await self._on_examples(messages.RegressionRequest, examples_api.regress, data)

    async def multi_inference(self, data: bytes) -> bytes:
        """Answers MultiInference."""
        request = messages.MultiInferenceRequest.FromString(data)
        spec = examples_api.check_tasks(request)
        with self._manager.use(spec) as servable:
            response = await self._off_loop(examples_api.multi_inference, request, servable)
        return response.SerializeToString()

    async def _on_examples(self, kind: Any, answer: Any, data: bytes) -> bytes:
        request = kind.FromString(data)
        _require_spec(request)
        with self._manager.use(request.model_spec) as servable:
            response = await self._off_loop(answer, request, servable)
        return response.SerializeToString()

    async def _off_loop(self, work: Any, *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work, *args)

    async def get_model_metadata(self, data: bytes) -> bytes:
        """Answers GetModelMetadata: the signatures, as the SavedModel holds them."""
        request = messages.GetModelMetadataRequest.FromString(data)
        _require_spec(request)
        if not request.metadata_field:
            raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
        for field in request.metadata_field:
            if field != "signature_def":
                raise invalid(f"Metadata field {field} is not supported")
        response = messages.GetModelMetadataResponse()
        with self._manager.use(request.model_spec) as servable:
            response.model_spec.name = servable.name
            response.model_spec.version.value = servable.version
            signatures = messages.SignatureDefMap()
            for name, definition in servable.signatures.items():
                signatures.signature_def[name].CopyFrom(definition)
        packed = response.metadata["signature_def"]
        packed.type_url = "type.googleapis.com/tensorflow.serving.SignatureDefMap"
        packed.value = signatures.SerializeToString(deterministic=True)
        return response.SerializeToString()

    async def get_model_status(self, data: bytes) -> bytes:
        """Answers GetModelStatus. As in TF Serving, a label is ignored."""
        request = messages.GetModelStatusRequest.FromString(data)
        _require_spec(request)
        spec = request.model_spec
        if not spec.name:
            raise invalid("ModelSpec has no name specified.")
        number = spec.version.value if spec.HasField("version") else None
        response = messages.GetModelStatusResponse()
        for version, state, error in self._manager.states(spec.name, number):
            entry = response.model_version_status.add(version=version, state=int(state))
            entry.status.SetInParent()
            if error:
                entry.status.error_code = error.code.value[0]
                entry.status.error_message = error.message
        return response.SerializeToString()

    async def reload(self, data: bytes, timeout: float) -> bytes:
        """Answers HandleReloadConfigRequest once the new models are there."""
        request = messages.ReloadConfigRequest.FromString(data)
        if request.config.WhichOneof("config") != "model_config_list":
            raise invalid(
                "ServerModelConfig type not supported by HandleReloadConfigRequest. Only"
                " ModelConfigList is currently supported"
            )
        configs = read_models(request.config)
        await asyncio.to_thread(self._manager.reload, configs, timeout)
        response = messages.ReloadConfigResponse()
        response.status.SetInParent()
        return response.SerializeToString()


def _require_spec(request: Any) -> None:
    if not request.HasField("model_spec"):
        raise invalid("Missing ModelSpec")
