"""TF Serving's JSON: rows (`instances`) or columns (`inputs`), bytes as `{"b64": ...}`."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

import numpy as np

from serving.server.predict import DEFAULT_SIGNATURE
from serving.server.status import invalid
from serving.wire.codec import BY_NUMBER, Kind, to_array, to_proto


def read_document(body: bytes, default: str) -> tuple[dict[str, Any], str]:
    """Returns a request's JSON object and the signature that it names.

    Raises:
        StatusError: The body is no such object.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise invalid(f"JSON Parse error: {error}") from error
    if not isinstance(document, dict):
        raise invalid("JSON Value: must be an object")
    name = document.get("signature_name", default)
    if not isinstance(name, str):
        raise invalid("'signature_name' key must be a string value.")
    return document, name or default


def read_body(body: bytes, definitions: Any, request: Any) -> bool:
    """Reads a predict request's body into a `PredictRequest`.

    Args:
        body: JSON.
        definitions: Signature name to `SignatureDef`.
        request: Filled with the signature and the inputs.

    Returns:
        Whether the inputs came in rows; then the answer goes in rows.

    Raises:
        StatusError: It is not what the signature takes.
    """
    document, name = read_document(body, DEFAULT_SIGNATURE)
    if name not in definitions:
        raise invalid(f'Serving signature name: "{name}" not found in signature def')
    by_row, by_column = "instances" in document, "inputs" in document
    if not by_row and not by_column:
        raise invalid("Missing 'inputs' or 'instances' key")
    if by_row and by_column:
        raise invalid(
            "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist "
        )
    wanted = dict(definitions[name].inputs)
    columns = (
        _rows_to_columns(document["instances"], wanted)
        if by_row
        else _columns(document["inputs"], wanted)
    )
    request.model_spec.signature_name = name
    for alias, values in columns.items():
        kind = BY_NUMBER.get(wanted[alias].dtype)
        if kind is None:
            raise invalid(f"input {alias} has a dtype that JSON cannot carry")
        array = _read_values(alias, values, kind)
        request.inputs[alias].CopyFrom(to_proto(array, dtype=kind.name))
    return by_row


def write_answer(outputs: Any, by_row: bool) -> dict[str, Any]:
    """Writes the outputs of a `PredictResponse`: `predictions` in rows, or `outputs`."""
    arrays = {name: to_array(tensor) for name, tensor in sorted(outputs.items())}
    if not by_row:
        values = {name: _write_values(name, array) for name, array in arrays.items()}
        return {"outputs": next(iter(values.values())) if len(values) == 1 else values}
    rows = {len(array) if array.ndim else -1 for array in arrays.values()}
    if -1 in rows or len(rows) > 1:
        raise invalid(
            "outputs have no common batch dimension, so they cannot be given in rows; send"
            " 'inputs' instead of 'instances'"
        )
    values = {name: _write_values(name, array) for name, array in arrays.items()}
    if len(values) == 1:
        return {"predictions": next(iter(values.values()))}
    count = rows.pop() if rows else 0
    return {
        "predictions": [
            {name: column[row] for name, column in values.items()} for row in range(count)
        ]
    }


def _rows_to_columns(instances: Any, wanted: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(instances, list):
        raise invalid("Excepting 'instances' to be an list/array")
    if not instances:
        raise invalid("no values in 'instances' array.")
    named = isinstance(instances[0], dict) and set(instances[0]) != {"b64"}
    if not named:
        if len(wanted) != 1:
            raise invalid(
                f"instances is a plain list, but expecting list of objects as multiple input"
                f" tensors required as per tensorinfo_map: {','.join(sorted(wanted))}"
            )
        return {next(iter(wanted)): instances}
    for number, row in enumerate(instances):
        if not isinstance(row, dict) or set(row) != set(wanted):
            raise invalid(
                f"Failed to process element: {number} of 'instances' list. JSON object: keys must"
                f" be equal to: {','.join(sorted(wanted))}"
            )
    return {alias: [row[alias] for row in instances] for alias in wanted}


def _columns(inputs: Any, wanted: dict[str, Any]) -> dict[str, Any]:
    if isinstance(inputs, dict) and set(inputs) != {"b64"}:
        for alias in wanted:
            if alias not in inputs:
                raise invalid(f"Missing named input: {alias} in 'inputs' object.")
        return {alias: inputs[alias] for alias in wanted}
    if len(wanted) != 1:
        raise invalid(
            "inputs is a plain value/list, but expecting an object as multiple input tensors"
            f" required as per tensorinfo_map: {','.join(sorted(wanted))}"
        )
    return {next(iter(wanted)): inputs}


def _read_values(alias: str, values: Any, kind: Kind) -> np.ndarray:
    shape = _shape(values)
    flat: list[Any] = []
    _flatten(alias, values, shape, flat)
    if kind.name == "string":
        array = np.empty(len(flat), dtype=object)
        array[:] = [_string(alias, item) for item in flat]
        return array.reshape(shape)
    integral = kind.numpy.kind in "iu"
    for item in flat:
        good = isinstance(item, bool) if kind.name == "bool" else _number(item, integral)
        if not good:
            raise invalid(
                f"Failed to process input {alias}: JSON Value: {json.dumps(item)[:80]} is not of"
                f" expected type: {kind.name}"
            )
    try:
        with np.errstate(over="ignore"):
            array = np.array(flat, dtype=kind.numpy).reshape(shape)
    except OverflowError as error:
        raise invalid(f"Failed to process input {alias}: {error}") from error
    if not integral and kind.name != "bool":
        for item in np.array(flat, np.float64)[np.isinf(array.ravel())]:
            if np.isfinite(item):
                raise invalid(
                    f"Failed to process input {alias}: JSON Value: {item} is out of the range of"
                    f" {kind.name}"
                )
    return array


def _number(item: Any, integral: bool) -> bool:
    if isinstance(item, bool):
        return False
    return isinstance(item, int) or (isinstance(item, float) and not integral)


def _shape(values: Any) -> tuple[int, ...]:
    shape: list[int] = []
    while isinstance(values, list) and len(shape) < 64:
        shape.append(len(values))
        if not values:
            break
        values = values[0]
    return tuple(shape)


def _flatten(alias: str, values: Any, shape: tuple[int, ...], flat: list[Any]) -> None:
    if isinstance(values, list) != bool(shape) or (shape and len(values) != shape[0]):
        raise invalid(
            f"Failed to process input {alias}: Encountered list at unexpected size; every row must"
            " have the same shape"
        )
    if not shape:
        flat.append(values)
        return
    for value in values:
        _flatten(alias, value, shape[1:], flat)


def _string(alias: str, item: Any) -> bytes:
    if isinstance(item, str):
        return item.encode()
    if isinstance(item, dict) and set(item) == {"b64"} and isinstance(item["b64"], str):
        try:
            return base64.b64decode(item["b64"], validate=True)
        except binascii.Error as error:
            raise invalid(f"Unable to base64 decode input {alias}") from error
    raise invalid(f"Failed to process input {alias}: expected a string or an object with b64")


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
