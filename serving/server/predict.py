"""Predict: from a request to feeds and fetches, and from arrays to a response.

The checks, their order and their words are TF Serving's (predict_util.cc).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from serving.server.servable import Servable
from serving.server.status import StatusError, invalid
from serving.wire.codec import BY_NUMBER, to_array, to_proto
from serving.wire.messages import PredictResponse

DEFAULT_SIGNATURE = "serving_default"
# TensorFlow's own names of the dtypes, as its errors spell them.
_SPELLED = {"float32": "float", "float64": "double", "float16": "half"}


@dataclass
class Call:
    """One request, checked and decoded."""

    servable: Servable
    signature: str
    feeds: dict[str, np.ndarray]
    outputs: tuple[str, ...]

    def run(self) -> list[np.ndarray]:
        """Computes the outputs."""
        return self.servable.run(self.signature, self.feeds, self.outputs)


def prepare(request: Any, servable: Servable, max_bytes: int) -> Call:
    """Checks a `PredictRequest` against the signature and decodes its tensors.

    Args:
        request: The request.
        servable: The version that it asked for.
        max_bytes: The largest tensor to decode.

    Returns:
        What to run.

    Raises:
        StatusError: The request does not fit.
    """
    name = request.model_spec.signature_name or DEFAULT_SIGNATURE
    definition = servable.signatures.get(name)
    if definition is None:
        raise StatusError("FAILED_PRECONDITION", f'Serving signature key "{name}" not found.')
    feeds = read_inputs(request.inputs, definition, max_bytes)
    outputs = choose_outputs(list(request.output_filter), definition)
    check_dtypes(feeds, {key: tensor.dtype for key, tensor in request.inputs.items()}, definition)
    return Call(servable, name, feeds, outputs)


def read_inputs(inputs: Any, definition: Any, max_bytes: int) -> dict[str, np.ndarray]:
    """Decodes the inputs that the signature asks for."""
    sent, wanted = set(inputs), set(definition.inputs)
    if len(sent) != len(wanted):
        raise invalid(
            f"input size does not match signature: {len(sent)}!={len(wanted)}"
            f" len({_set(sent)}) != len({_set(wanted)})."
            f" Sent extra: {_set(sent - wanted)}. Missing but required: {_set(wanted - sent)}."
        )
    feeds = {}
    for alias in sorted(wanted):
        if alias not in sent:
            raise invalid(
                f"Signature input alias: {alias}(feed name: {definition.inputs[alias].name}) not"
                " found in request and no default value provided. Inputs expected to be in the"
                f" request {_set(sent)}, or default input alias set: "
            )
        try:
            feeds[alias] = to_array(inputs[alias], max_bytes)
        except ValueError as error:
            raise invalid(f"tensor parsing error: {alias}") from error
    return feeds


def choose_outputs(wanted: list[str], definition: Any) -> tuple[str, ...]:
    """Checks an output filter; an empty one means all."""
    for index, alias in enumerate(wanted):
        if alias not in definition.outputs:
            raise invalid(
                f"output tensor alias not found in signature: {alias} Outputs expected to be in"
                f" the set {_set(set(definition.outputs))}."
            )
        if alias in wanted[:index]:
            raise invalid(f"duplicate output tensor alias: {alias}")
    return tuple(wanted or sorted(definition.outputs))


def check_dtypes(feeds: dict[str, np.ndarray], sent: dict[str, int], definition: Any) -> None:
    """Refuses dtypes other than the declared: nothing is cast."""
    for index, alias in enumerate(sorted(feeds)):
        want = definition.inputs[alias].dtype
        if sent[alias] != want:
            raise invalid(
                f"Expects arg[{index}] to be {_spell(want)} but {_spell(sent[alias])} is provided"
            )


def respond(call: Call, arrays: list[np.ndarray], content: bool = False) -> Any:
    """Builds the `PredictResponse`.

    Args:
        call: The request.
        arrays: One for each of its outputs.
        content: Answer in `tensor_content` instead of the typed fields.
    """
    response = PredictResponse()
    spec = response.model_spec
    spec.name = call.servable.name
    spec.version.value = call.servable.version
    spec.signature_name = call.signature
    for name, array in zip(call.outputs, arrays, strict=True):
        response.outputs[name].CopyFrom(to_proto(array, content=content))
    return response


def _set(names: set[str]) -> str:
    return "{" + ",".join(sorted(names)) + "}"


def _spell(number: int) -> str:
    kind = BY_NUMBER.get(number)
    return _SPELLED.get(kind.name, kind.name) if kind else f"dtype {number}"
