"""TF Serving's JSON: rows (`instances`) or columns (`inputs`), bytes as `{"b64": ...}`."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from serving.server.json_values import is_base64, read_array, shown
from serving.server.status import StatusError, invalid
from serving.wire.codec import BY_NUMBER, Kind, to_array, to_proto


def read_document(body: bytes) -> tuple[dict[str, Any], str]:
    """Returns a request's JSON object and the signature that it names, or "".

    Raises:
        StatusError: The body is no such object.
    """
    if not body:
        raise invalid("JSON Parse error: The document is empty")
    try:
        document = json.loads(body)
        if b"\\u" in body:
            # Half of a surrogate pair is no text, though Python reads it.
            json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise invalid(f"JSON Parse error: {error}") from error
    if not isinstance(document, dict):
        raise unfit(document, "Is not object")
    name = document.get("signature_name", "")
    if not isinstance(name, str):
        raise unfit(
            document, "not formatted correctly. 'signature_name' key must be a string value."
        )
    return document, name


def unfit(document: Any, problem: str) -> StatusError:
    """The error of a whole document."""
    return invalid(f"JSON Value: {shown(document)} {problem}")


def read_body(body: bytes, inputs_of: Callable[[str], Any], request: Any) -> bool:
    """Reads a predict request's body into a `PredictRequest`.

    Args:
        body: JSON.
        inputs_of: From the name of a signature to its inputs, names to `TensorInfo`.
        request: Filled with the signature and the inputs.

    Returns:
        Whether the inputs came in rows; then the answer goes in rows.

    Raises:
        StatusError: It is not what the signature takes.
    """
    document, name = read_document(body)
    inputs = {alias: _kind(alias, info) for alias, info in sorted(inputs_of(name).items())}
    if not inputs:
        raise invalid(f"Failed to get input map for signature: {name or 'DEFAULT'}")
    by_row, by_column = "instances" in document, "inputs" in document
    if not by_row and not by_column:
        raise invalid("Missing 'inputs' or 'instances' key")
    if by_row and by_column:
        raise unfit(
            document,
            "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist ",
        )
    if by_row:
        rows = document["instances"]
        if not isinstance(rows, list):
            raise unfit(document, "Excepting 'instances' to be an list/array")
        if not rows:
            raise unfit(document, "No values in 'instances' array")
        arrays = _read_rows(rows, inputs)
    else:
        arrays = _read_columns(document["inputs"], inputs)
    request.model_spec.signature_name = name
    for alias, array in arrays.items():
        request.inputs[alias].CopyFrom(to_proto(array, dtype=inputs[alias].name))
    return by_row


def _kind(alias: str, info: Any) -> Kind:
    kind = BY_NUMBER.get(info.dtype)
    if kind is None:
        raise invalid(f"input {alias} has a dtype that JSON cannot carry")
    return kind


def _is_object(value: Any) -> bool:
    return isinstance(value, dict) and not is_base64(value)


def _read_rows(rows: list[Any], inputs: dict[str, Kind]) -> dict[str, np.ndarray]:
    if not isinstance(rows[0], dict) and len(inputs) > 1:
        raise invalid(
            "instances is a plain list, but expecting list of objects as multiple input tensors"
            " required as per tensorinfo_map"
        )
    named = _is_object(rows[0])
    if named and all(isinstance(row, dict) and set(row) == set(inputs) for row in rows):
        columns = {alias: [row[alias] for row in rows] for alias in inputs}
    elif not named and not any(map(_is_object, rows)):
        columns = {next(iter(inputs)): rows}
    else:
        raise _row_error(rows, inputs, named)
    try:
        return {alias: read_array(column, inputs[alias]) for alias, column in columns.items()}
    except StatusError:
        raise _row_error(rows, inputs, named) from None


def _row_error(rows: list[Any], inputs: dict[str, Kind], named: bool) -> StatusError:
    """The error of the first row that is no row or not as those before."""
    shapes: dict[str, tuple[int, ...]] = {}
    only = next(iter(inputs))
    for number, row in enumerate(rows):
        if named != _is_object(row):
            which = "object but got list" if named else "value/list but got object"
            return invalid(f"Expecting {which} at item {number} of input list")
        for alias, value in row.items() if named else [(only, row)]:
            try:
                _check_item(alias, value, inputs, shapes)
            except StatusError as error:
                key = f" key: {alias}" if named else ""
                return invalid(
                    f"Failed to process element: {number}{key} of 'instances' list. Error:"
                    f" {error.code.name}: {error.message}"
                )
        if named and set(row) != set(inputs):
            return invalid(
                f"Failed to process element: {number} of 'instances' list. JSON object:"
                f" {shown(row)} keys must be equal to: {','.join(inputs)}"
            )
    return invalid("the rows of 'instances' have too many dimensions together")


def _check_item(
    alias: str, value: Any, inputs: dict[str, Kind], shapes: dict[str, tuple[int, ...]]
) -> None:
    if alias not in inputs:
        raise invalid(f"JSON object: does not have named input: {alias}")
    shape = read_array(value, inputs[alias]).shape
    before = shapes.setdefault(alias, shape)
    if math.prod(shape) != math.prod(before):
        raise invalid(f"Expecting tensor size: {math.prod(before)} but got: {math.prod(shape)}")
    if shape != before:
        had, got = (",".join(map(str, sizes)) for sizes in (before, shape))
        raise invalid(f"Expecting shape [{had}] but got: [{got}]")


def _read_columns(values: Any, inputs: dict[str, Kind]) -> dict[str, np.ndarray]:
    if not _is_object(values):
        if len(inputs) > 1:
            raise invalid(
                "inputs is a plain value/list, but expecting an object as multiple input tensors"
                " required as per tensorinfo_map"
            )
        values = {next(iter(inputs)): values}
    for alias in inputs:
        if alias not in values:
            raise invalid(f"Missing named input: {alias} in 'inputs' object.")
    return {alias: read_array(values[alias], kind) for alias, kind in inputs.items()}


def write_answer(outputs: Any, by_row: bool) -> dict[str, Any]:
    """Writes the outputs of a `PredictResponse`: `predictions` in rows, or `outputs`."""
    arrays = {name: to_array(tensor) for name, tensor in sorted(outputs.items())}
    if not by_row:
        values = {name: _write_values(name, array) for name, array in arrays.items()}
        return {"outputs": next(iter(values.values())) if len(values) == 1 else values}
    count = None
    for name, array in arrays.items():
        if not array.ndim:
            raise invalid(f"Tensor name: {name} has no shape information ")
        if count is not None and len(array) != count:
            raise invalid(
                f"Tensor name: {name} has inconsistent batch size: {len(array)} expecting: {count}"
            )
        count = len(array)
    if count is None:
        raise invalid("Cannot convert empty tensor map to JSON")
    values = {name: _write_values(name, array) for name, array in arrays.items()}
    if len(values) == 1:
        return {"predictions": next(iter(values.values()))}
    return {
        "predictions": [
            {name: column[row] for name, column in values.items()} for row in range(count)
        ]
    }


def _write_values(name: str, array: np.ndarray) -> Any:
    if array.dtype.kind == "c":
        raise invalid(f"Failed to write JSON value for tensor type: {array.dtype.name}")
    if array.dtype.kind == "f" and array.dtype != np.float64:
        # The shortest digits that tell a float32 from its neighbours, not those of a double.
        return array.astype(str).astype(np.float64).tolist()
    if array.dtype != object:
        return array.tolist()
    flat = [
        {"b64": base64.b64encode(item).decode()}
        if name.endswith("_bytes")
        else item.decode("utf-8", "replace")
        for item in array.ravel()
    ]
    written = np.empty(array.size, dtype=object)
    written[:] = flat
    return written.reshape(array.shape).tolist()
