"""Checks of what a client is told: seconds, counts, metadata."""

from __future__ import annotations

import math
import numbers
import operator
import re
from collections.abc import Iterable, Mapping
from typing import Any

from serving.errors import InvalidInput

# Beyond a few centuries gRPC's clock wraps around and the deadline has passed at once.
_LONGEST = 1e8
_KEY = re.compile(r"[0-9a-z_.-]+")
_TEXT = re.compile(r"[ -~]*")


def check_seconds(timeout: Any, zero: bool = False) -> float:
    """Returns a timeout that gRPC can count.

    Args:
        timeout: Seconds.
        zero: Zero is one too.

    Raises:
        InvalidInput: It is no finite number, or too small.
    """
    number = isinstance(timeout, numbers.Real) and not isinstance(timeout, bool)
    if not number or not math.isfinite(timeout) or timeout < 0 or (timeout == 0 and not zero):
        raise InvalidInput(f"timeout must be a positive number of seconds; received {timeout!r}")
    return min(float(timeout), _LONGEST)


def check_positive(name: str, value: Any) -> int:
    """Returns a whole number above zero."""
    return check_integer(name, value, 1)


def check_integer(name: str, value: Any, least: int, most: int = (1 << 63) - 1) -> int:
    """Returns a whole number within bounds.

    Raises:
        InvalidInput: It is another number, or no whole one.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool) or not least <= number <= most:
        bounds = "above 0" if least == 1 else f"from {least} to {most}"
        raise InvalidInput(f"{name} must be a whole number {bounds}; received {value!r}")
    return number


def check_metadata(
    metadata: Iterable[tuple[str, str | bytes]] | Mapping[str, str | bytes],
) -> tuple[tuple[str, str | bytes], ...]:
    """Returns pairs that gRPC can send; keys in lower case, as HTTP/2 has them.

    Raises:
        InvalidInput: A key or a value cannot be sent. Values are not shown: they may be secrets.
    """
    pairs = metadata.items() if isinstance(metadata, Mapping) else metadata
    checked = []
    for pair in pairs:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2 or not isinstance(pair[0], str):
            raise InvalidInput("metadata must be pairs of key and value, or a mapping")
        key, value = pair[0].lower(), pair[1]
        if not _KEY.fullmatch(key):
            raise InvalidInput(f"metadata key {pair[0]!r} may hold letters, digits, _ . and - only")
        if key.endswith("-bin"):
            if not isinstance(value, bytes):
                raise InvalidInput(f"metadata {key} must be bytes, because the key ends in -bin")
        elif not isinstance(value, str) or not _TEXT.fullmatch(value):
            raise InvalidInput(f"metadata {key} must be a str of one line of ASCII")
        checked.append((key, value))
    return tuple(checked)
