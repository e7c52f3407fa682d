"""Checks of what callers pass to an index, with errors that say what would be right."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np


def check_ids(ids: Any) -> np.ndarray:
    """Returns ids as int64 [n]; one id alone becomes n = 1.

    Raises:
        ValueError: If they are not whole numbers from 0 to 2**63 - 1 in one dimension.
    """
    ids = np.atleast_1d(np.asarray(ids))
    if ids.ndim != 1:
        raise ValueError(f"ids must have shape [n]. Received: shape={ids.shape}")
    if not len(ids):
        return np.empty(0, np.int64)
    if ids.dtype.kind not in "iu":
        raise ValueError(f"ids must be whole numbers. Received: dtype={ids.dtype}")
    if ids.min() < 0 or ids.max() > np.iinfo(np.int64).max:
        raise ValueError(f"ids must be from 0 to 2**63 - 1. Received: {ids.min()} to {ids.max()}")
    return ids.astype(np.int64)


def check_unique(ids: np.ndarray) -> None:
    """Raises ValueError if an id comes twice."""
    if (ids[1:] > ids[:-1]).all():
        return
    ordered = np.sort(ids)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    if len(twice):
        raise ValueError(f"each id must come once. Received: id {twice[0]} more than once")


def check_count(name: str, value: Any, least: int) -> int:
    """Returns a whole number that is `least` or more, else raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(
            f"`{name}` must be a whole number, {least} or more. Received: {name}={value!r}"
        )
    return int(value)


def payload_texts(payloads: Sequence[Any], count: int) -> list[str]:
    """Payloads as JSON texts, empty for None.

    Raises:
        ValueError: If there is not one for each of `count` ids, or JSON can't hold one.
    """
    if isinstance(payloads, (str, bytes)) or len(payloads) != count:
        raise ValueError(
            f"there must be one payload per id. Received: {len(payloads)} payloads, {count} ids"
        )
    try:
        return [_text(value) for value in payloads]
    except (TypeError, ValueError) as error:
        raise ValueError(f"payloads must be what JSON can hold: {error}") from None


class JsonText(str):
    """A payload that was checked to be JSON: kept as it is, instead of written anew."""

    __slots__ = ()

    @classmethod
    def of(cls, text: str) -> JsonText | None:
        """Checks a text; None if it is empty.

        Raises:
            ValueError: If it is not JSON.
        """
        text = text.strip()
        if not text:
            return None
        value = json.loads(text, parse_constant=_refuse)
        if value is None:
            return None
        # Texts are kept one a line.
        return cls(json.dumps(value) if len(text.splitlines()) > 1 else text)


def _refuse(constant: str) -> Any:
    raise ValueError(f"JSON has no {constant}")


def _text(value: Any) -> str:
    if isinstance(value, JsonText):
        return value
    return "" if value is None else json.dumps(value, allow_nan=False)


def payload(text: str) -> Any:
    """The value of a payload's JSON text; None if it is empty."""
    return json.loads(text) if text else None
