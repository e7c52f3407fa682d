"""Predict: from a request to feeds and fetches, and from arrays to a response.

The checks, their order and their words are TF Serving's (predict_util.cc).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from serving.server.servable import Servable
from serving.server.signature import Signature
from serving.server.status import StatusError, invalid
from serving.wire.codec import BY_NUMBER, fill_proto, to_array
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
    signature = servable.prepared.get(name)
    if signature is None:
        raise StatusError("FAILED_PRECONDITION", f'Serving signature key "{name}" not found.')
    inputs = request.inputs
    feeds = read_inputs(inputs, signature, max_bytes)
    outputs = choose_outputs(request.output_filter, signature)
    for index, (alias, want) in enumerate(signature.inputs.items()):
        if (sent := inputs[alias].dtype) != want:  # nothing is cast
            raise invalid(
                f"Expects arg[{index}] to be {_spell(want)} but {_spell(sent)} is provided"
            )
    return Call(servable, name, feeds, outputs)


def read_inputs(inputs: Any, signature: Signature, max_bytes: int) -> dict[str, np.ndarray]:
    """Decodes the inputs that the signature asks for, in the order of their names."""
    if len(inputs) != len(signature.inputs):
        sent, wanted = set(inputs), set(signature.inputs)
        raise invalid(
            f"input size does not match signature: {len(sent)}!={len(wanted)}"
            f" len({_set(sent)}) != len({_set(wanted)})."
            f" Sent extra: {_set(sent - wanted)}. Missing but required: {_set(wanted - sent)}."
        )
    feeds = {}
    for alias in signature.inputs:
        if alias not in inputs:
            feed = signature.definition.inputs[alias].name
            raise invalid(
                f"Signature input alias: {alias}(feed name: {feed}) not"
                " found in request and no default value provided. Inputs expected to be in the"
                f" request {_set(set(inputs))}, or default input alias set: "
            )
        try:
            feeds[alias] = to_array(inputs[alias], max_bytes)
        except ValueError as error:
            raise invalid(f"tensor parsing error: {alias}") from error
    return feeds


def choose_outputs(wanted: Sequence[str], signature: Signature) -> tuple[str, ...]:
    """Checks an output filter; an empty one means all."""
    if not wanted:
        return signature.outputs
    for index, alias in enumerate(wanted):
        if alias not in signature.outputs:
            raise invalid(
                f"output tensor alias not found in signature: {alias} Outputs expected to be in"
                f" the set {_set(set(signature.outputs))}."
            )
        if alias in wanted[:index]:
            raise invalid(f"duplicate output tensor alias: {alias}")
    return tuple(wanted)


def respond(call: Call, arrays: list[np.ndarray], content: bool = False) -> Any:
    """Builds the `PredictResponse`.

    Args:
        call: The request.
        arrays: One for each of its outputs.
        content: Answer in `tensor_content` instead of the typed fields.
    """
    response = PredictResponse()
    response.model_spec.CopyFrom(call.servable.prepared[call.signature].spec)
    for name, array in zip(call.outputs, arrays, strict=True):
        fill_proto(response.outputs[name], array, content=content)
    return response


def _set(names: set[str]) -> str:
    return "{" + ",".join(sorted(names)) + "}"


def _spell(number: int) -> str:
    kind = BY_NUMBER.get(number)
    return _SPELLED.get(kind.name, kind.name) if kind else f"dtype {number}"
