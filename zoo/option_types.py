"""Checks options against the annotations of the functions that take them."""

from __future__ import annotations

import collections.abc
import math
import numbers
import types
import typing
from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np

from zoo.layers.schedules import Schedule

NAMES = {
    bool: "true or false",
    int: "an integer",
    float: "a finite number",
    str: "a string",
    type(None): "None",
    Schedule: "a schedule of keras.optimizers.schedules",
    keras.layers.Layer: "a layer",
}


def check_options(options: dict[str, Any], functions: Iterable[Callable]) -> None:
    """Checks the types of options, so that a wrong one is told before anything is built.

    Args:
        options: Values by name.
        functions: What takes them; an option that none of them annotates is not checked.

    Raises:
        ValueError: If a value is not of the type that its annotation says.
    """
    wanted: dict[str, Any] = {}
    for function in functions:
        of_class = isinstance(function, type)
        wanted |= typing.get_type_hints(function.__init__ if of_class else function)
    for name, value in options.items():
        if name in wanted and not _is_of(value, wanted[name]):
            raise ValueError(
                f"`{name}` must be {_describe(wanted[name]).rstrip(',')}. "
                f"Received: {name}={value!r}"
            )


def _is_of(value: Any, wanted: Any) -> bool:
    origin, inner = typing.get_origin(wanted), typing.get_args(wanted)
    if origin in (types.UnionType, typing.Union):
        return any(_is_of(value, one) for one in inner)
    if origin is collections.abc.Sequence:
        is_list = isinstance(value, collections.abc.Sequence) and not isinstance(value, str)
        return is_list and all(_is_of(v, inner[0]) for v in value)
    if wanted is float:
        return _is_number(value, numbers.Real) and math.isfinite(value)
    if wanted is int:
        return _is_number(value, numbers.Integral)
    if wanted is bool:
        return isinstance(value, bool | np.bool_)
    if wanted is Schedule and isinstance(value, dict):
        return "class_name" in value  # as a recipe keeps it
    return not isinstance(wanted, type) or isinstance(value, wanted)


def _is_number(value: Any, kind: type) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def _describe(wanted: Any) -> str:
    origin, inner = typing.get_origin(wanted), typing.get_args(wanted)
    if origin in (types.UnionType, typing.Union):
        return " or ".join(map(_describe, inner))
    if origin is collections.abc.Sequence:
        return f"a list, each {_describe(inner[0])},"
    return NAMES.get(wanted, getattr(wanted, "__name__", str(wanted)))
