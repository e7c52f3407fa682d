"""TF Serving's JSON of classify and regress: `examples` of named features in, `results` out."""

from __future__ import annotations

from typing import Any

import numpy as np

from serving.server.json_tensors import read_document, unfit
from serving.server.json_values import from_base64, is_base64, read_array, type_name
from serving.server.status import invalid
from serving.wire.codec import BY_NAME

_KINDS = {"bytes_list": "bytes", "float_list": "float", "int64_list": "int64"}


def read_body(body: bytes, request: Any) -> None:
    """Reads the body of a classify or regress request.

    Args:
        body: JSON.
        request: A `ClassificationRequest` or `RegressionRequest`; its input and signature are
            filled.

    Raises:
        StatusError: It is not what the API takes.
    """
    document, request.model_spec.signature_name = read_document(body)
    added = request.input.example_list.examples
    if "context" in document:
        whole = request.input.example_list_with_context
        _fill(document["context"], whole.context)
        added = whole.examples
    examples = document.get("examples")
    if "examples" not in document:
        raise unfit(
            document, "When method is classify, key 'examples' is expected and was not found"
        )
    if not isinstance(examples, list):
        raise unfit(document, "Expecting 'examples' value to be an list/array")
    if not examples:
        raise unfit(document, "'examples' value is an empty array")
    for example in examples:
        _fill(example, added.add())


def write_classes(result: Any) -> dict[str, Any]:
    """Writes a `ClassificationResult`: for each example its classes as `[label, score]`."""
    return {
        "results": [
            [[one.label, _short(one.score)] for one in entry.classes]
            for entry in result.classifications
        ]
    }


def write_values(result: Any) -> dict[str, Any]:
    """Writes a `RegressionResult`: a value for each example."""
    return {"results": [_short(entry.value) for entry in result.regressions]}


def _fill(given: Any, example: Any) -> None:
    if not isinstance(given, dict):
        raise invalid(f"Example must be JSON object but got JSON {type_name(given)}")
    for name, content in given.items():
        feature = example.features.feature[name]
        for value in content if isinstance(content, list) else [content]:
            _add(name, value, feature)


def _add(name: str, value: Any, feature: Any) -> None:
    if isinstance(value, str):
        field, value = "bytes_list", value.encode()
    elif is_base64(value):
        field, value = "bytes_list", from_base64(value)
    elif isinstance(value, float):
        field, value = "float_list", read_array(value, BY_NAME["float32"]).item()
    elif isinstance(value, int):  # true and false too
        field, value = "int64_list", int(value)
        if not -(1 << 63) <= value < 1 << 63:
            raise invalid(f"Feature: {name} has uint64 element. Only int64 is supported.")
    else:
        raise invalid(f"Feature: {name} has element with unexpected JSON type: {type_name(value)}")
    have = feature.WhichOneof("kind")
    if have not in (None, field):
        raise invalid(f"Unexpected element type in feature: {name} expecting type: {_KINDS[have]}")
    getattr(feature, field).value.append(value)


def _short(value: float) -> float:
    """The shortest number that is the same float32."""
    return float(str(np.float32(value)))
