"""What the REST API answers: paths and bodies in, JSON out; no network."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from google.protobuf import json_format

from serving.server import json_examples
from serving.server.json_tensors import read_body, write_answer
from serving.server.predict import DEFAULT_SIGNATURE
from serving.server.services import Services
from serving.server.status import StatusError, invalid
from serving.wire import messages

_PATH = re.compile(
    r"(?i:/v1/models)(?:/(?P<model>[^/:]+))?"
    r"(?:(?i:/versions)/(?P<version>\d+)|(?i:/labels)/(?P<label>[^/:]+))?"
    r"(?P<action>/metadata|:predict|:classify|:regress)?"
)


@dataclass(frozen=True)
class RestApi:
    """Turns paths and bodies into answers."""

    services: Services

    def answer(self, verb: str, path: str, body: bytes) -> tuple[str, str]:
        """Returns content type and text."""
        path = path.partition("?")[0]
        if verb == "GET" and path == self.services.options.metrics_path:
            return "text/plain", self.services.metrics.render()
        found = _PATH.fullmatch(path)
        action = found["action"] if found else None
        if not path.lower().startswith("/v1/"):
            raise StatusError("NOT_FOUND", "Not Found")
        posted = (action or "").startswith(":")
        if found is None or (verb == "POST") != posted or (posted and not found["model"]):
            raise invalid(f"Malformed request: {verb} {path}")
        if not found["model"]:
            raise invalid("Missing model name in request.")
        if action == ":predict":
            result = self._predict(self._spec(found), body)
        elif action == "/metadata":
            result = self._metadata(self._spec(found))
        elif action is None:
            result = self._status(self._spec(found))
        elif action == ":classify":
            result = self._classify(self._spec(found), body)
        else:
            result = self._regress(self._spec(found), body)
        return "application/json", json.dumps(result)

    def _spec(self, found: re.Match[str]) -> Any:
        spec = messages.ModelSpec(name=unquote(found["model"]))
        if found["version"]:
            number = int(found["version"])
            if number >= 1 << 63:
                raise invalid(f"Failed to convert version: {number} to numeric.")
            spec.version.value = number
        if found["label"]:
            spec.version_label = unquote(found["label"])
        return spec

    def _predict(self, spec: Any, body: bytes) -> Any:
        def inputs_of(signature: str) -> Any:
            _, signatures = self._metadata_of(spec)
            signature = signature or DEFAULT_SIGNATURE
            if signature not in signatures.signature_def:
                raise invalid(f'Serving signature name: "{signature}" not found in signature def')
            return signatures.signature_def[signature].inputs

        request = messages.PredictRequest(model_spec=spec)
        by_row = read_body(body, inputs_of, request)
        caller = _Caller(request.SerializeToString())
        self.services.predict(caller, "REST")
        self.services.start_batches()
        answer = caller.wait(self.services.options.rest_api_timeout_in_ms / 1e3)
        response = messages.PredictResponse.FromString(answer)
        return write_answer(response.outputs, by_row)

    def _classify(self, spec: Any, body: bytes) -> Any:
        request = messages.ClassificationRequest(model_spec=spec)
        json_examples.read_body(body, request)
        response = self.services.classify_message(request, "REST")
        return json_examples.write_classes(response.result)

    def _regress(self, spec: Any, body: bytes) -> Any:
        request = messages.RegressionRequest(model_spec=spec)
        json_examples.read_body(body, request)
        response = self.services.regress_message(request, "REST")
        return json_examples.write_values(response.result)

    def _metadata_of(self, spec: Any) -> tuple[Any, Any]:
        request = messages.GetModelMetadataRequest(
            model_spec=spec, metadata_field=["signature_def"]
        )
        data = self.services.get_model_metadata(request.SerializeToString())
        answer = messages.GetModelMetadataResponse.FromString(data)
        packed = answer.metadata["signature_def"].value
        return answer.model_spec, messages.SignatureDefMap.FromString(packed)

    def _metadata(self, spec: Any) -> Any:
        found, signatures = self._metadata_of(spec)
        return {
            "model_spec": {
                "name": found.name,
                "signature_name": "",
                "version": str(found.version.value),
            },
            "metadata": {"signature_def": _as_dict(signatures)},
        }

    def _status(self, spec: Any) -> Any:
        request = messages.GetModelStatusRequest(model_spec=spec)
        data = self.services.get_model_status(request.SerializeToString())
        return _as_dict(messages.GetModelStatusResponse.FromString(data))


class _Caller:
    """Waits for a Predict's answer."""

    def __init__(self, data: bytes):
        self.data = data
        self.gone = False
        self._answered = threading.Event()
        self._answer: bytes | Exception = b""

    def reply(self, data: bytes) -> None:
        self._answer = data
        self._answered.set()

    def fail(self, error: Exception) -> None:
        self._answer = error
        self._answered.set()

    def wait(self, seconds: float) -> bytes:
        if not self._answered.wait(seconds):
            self.gone = True
            raise StatusError("DEADLINE_EXCEEDED", "Timed out")
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def _as_dict(message: Any) -> Any:
    return json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
