"""JSON values to arrays; what no tensor can hold is refused in TF Serving's words."""

from __future__ import annotations

import base64
import itertools
import json
from typing import Any

import numpy as np

from serving.server.status import StatusError, invalid
from serving.wire.codec import Kind

# TensorFlow's names of dtypes, where they are not NumPy's.
_NAMES = {"float32": "float", "float64": "double", "float16": "half"}
_TYPES: dict[str, set[type]] = {"f": {int, float}, "i": {int}, "u": {int}, "b": {bool}}
_SHOWN = 1000
_MAX_RANK = 64  # NumPy's


def shown(value: Any) -> str:
    """A value as messages show it, or the beginning of a long one."""
    text = ""
    for part in json.JSONEncoder(indent=4).iterencode(value):
        text += part
        if len(text) >= _SHOWN:
            break
    return text[:_SHOWN]


def type_name(value: Any) -> str:
    """What messages call the JSON type of a value."""
    names = {dict: "Object", list: "Array", str: "String", type(None): "Null"}
    return names.get(type(value), str(value) if isinstance(value, bool) else "Number")


def is_base64(value: Any) -> bool:
    """Whether a value is bytes, `{"b64": text}`."""
    return isinstance(value, dict) and set(value) == {"b64"} and isinstance(value["b64"], str)


def from_base64(value: dict[str, str]) -> bytes:
    """The bytes; space between and missing `=` at the end do not matter."""
    text = "".join(value["b64"].split()).rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError as error:  # of characters or of padding
        raise invalid("Unable to base64 decode") from error


def read_array(value: Any, kind: Kind) -> np.ndarray:
    """Reads a number, a string or a boolean, or lists of lists of them.

    Raises:
        StatusError: Lists side by side differ in length, or a value is not of the dtype.
    """
    if kind.numpy.kind == "c":
        raise StatusError(
            "UNIMPLEMENTED", f"Conversion of JSON Value: {shown(value)} to type: {kind.name}"
        )
    shape: list[int] = []
    values = [value]
    while values and {type(item) for item in values} == {list}:
        if len(shape) == _MAX_RANK:
            raise invalid(f"a tensor has {_MAX_RANK} dimensions at most")
        sizes = {len(item) for item in values}
        if len(sizes) > 1:
            break
        shape.append(sizes.pop())
        values = list(itertools.chain.from_iterable(values))
    array = _array(values, kind)
    if array is None:
        _refuse(value, 0, _first_shape(value), kind)
        raise AssertionError("unreachable: some value is unfit")
    return array.reshape(shape)


def _array(values: list[Any], kind: Kind) -> np.ndarray | None:
    """The values as one row, or None if any of them is unfit."""
    if kind.name == "string":
        array = np.empty(len(values), dtype=object)
        for i, value in enumerate(values):
            if is_base64(value):
                array[i] = from_base64(value)
            elif isinstance(value, str):
                array[i] = value.encode()
            else:
                return None
        return array
    types = {type(value) for value in values}
    if not types <= _TYPES[kind.numpy.kind]:
        return None
    if int in types:
        held = _range(kind)
        if not all(value in held for value in values if type(value) is int):
            return None
    wide = np.array(values, np.float64 if kind.numpy.kind == "f" else kind.numpy)
    with np.errstate(over="ignore"):
        array = wide.astype(kind.numpy)
    return None if np.any(np.isinf(array) & np.isfinite(wide)) else array


def _first_shape(value: Any) -> list[int]:
    """The lengths of the first lists, which all others must have."""
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        value = value[0] if value else None
    return shape


def _range(kind: Kind) -> range:
    """The integers that a dtype holds, and all integers between them."""
    if kind.numpy.kind == "f":
        largest = 2 ** (np.finfo(kind.numpy).nmant + 1) - 1
        return range(-largest, largest + 1)
    limits = np.iinfo(kind.numpy)
    return range(int(limits.min), int(limits.max) + 1)


def _refuse(value: Any, level: int, shape: list[int], kind: Kind) -> None:
    """Finds the first value or list that is unfit, and raises its error."""
    if isinstance(value, list):
        if level >= len(shape):
            raise invalid(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
        if len(value) != shape[level]:
            raise invalid(
                f"Encountered list at unexpected size: {len(value)} at level: {level}"
                f" expected size: {shape[level]}"
            )
        for item in value:
            _refuse(item, level + 1, shape, kind)
        return
    if level != len(shape):
        raise invalid(
            f"JSON Value: {shown(value)} found at incorrect level: {level + 1} in the JSON DOM."
            f" Expected at level: {len(shape)}"
        )
    if _array([value], kind) is not None:
        return
    name = _NAMES.get(kind.name, kind.name)
    if kind.numpy.kind == "f" and type(value) in _TYPES["f"]:
        raise invalid(
            f"Cannot convert JSON value: {shown(value)} to {name} without loss of precision."
        )
    if kind.name == "string" and isinstance(value, dict):
        raise invalid(f"JSON Value: {shown(value)} not formatted correctly for base64 data")
    raise invalid(
        f"JSON Value: {shown(value)} Type: {type_name(value)} is not of expected type: {name}"
    )
