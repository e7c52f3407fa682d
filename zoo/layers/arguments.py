"""Checks of the numbers that layers are made with."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable
from typing import Any


def is_number(value: Any) -> bool:
    """Whether a value is one finite number; neither a boolean nor a string of digits is."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)


def check_number(name: str, value: Any, wanted: str, fits: Callable[[Any], bool]) -> None:
    """Checks a number.

    Args:
        name: The argument's name.
        value: What the constructor received.
        wanted: What it must be, for the message: `"in [0, 1)"`.
        fits: Whether a finite number is that.

    Raises:
        ValueError: If it is not.
    """
    if not is_number(value) or not fits(value):
        raise ValueError(f"`{name}` must be {wanted}. Received: {name}={value!r}")


def check_pair(inputs: Any, names: str) -> None:
    """Checks that a layer was called on two tensors, and not on the rows of one."""
    if not isinstance(inputs, list | tuple) or len(inputs) != 2:
        count = len(inputs) if isinstance(inputs, list | tuple) else "one"
        raise ValueError(f"`inputs` must be two tensors, {names}. Received: {count} of them")


def check_integer(name: str, value: Any, least: int = 1) -> None:
    """Checks an integer of at least `least`; errors as of `check_number`."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        wanted = {0: "an integer of at least 0", 1: "a positive integer"}
        raise ValueError(f"`{name}` must be {wanted[least]}. Received: {name}={value!r}")
