"""Conditions on payloads from the command line, like `label=3`: read, never evaluated."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterable
from typing import Any

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_MISSING = object()


def parse_where(conditions: Iterable[str]) -> Callable[[Any], bool]:
    """A test of payloads that all conditions must pass.

    A condition is a field, one of `= != < <= > >=`, and a value. The field is a key of the
    payload's object; `a.b` looks into an object in it, and `.` is the whole payload. The value
    is JSON, or else a string. A payload without the field passes `!=` only; values of different
    kinds are unequal, and neither is less.

    Args:
        conditions: Texts.

    Returns:
        A predicate for `HashIndex.search(where=...)`.

    Raises:
        ValueError: If one is no condition.

    Example:
        >>> parse_where(["label=boot", "price<=20"])({"label": "boot", "price": 20})
        True
    """
    tests = [_parse(condition) for condition in conditions]
    return lambda payload: all(test(payload) for test in tests)


def _parse(condition: str) -> Callable[[Any], bool]:
    match = re.fullmatch(r"\s*([^=!<>]+?)\s*(=|!=|<=|>=|<|>)\s*(.*?)\s*", condition, re.DOTALL)
    if not match:
        raise ValueError(
            "a condition is a field, one of = != < <= > >=, and a value, like label=3 or "
            f"price<=20. Received: {condition!r}"
        )
    field, sign, text = match.groups()
    path = [] if field == "." else field.split(".")
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    compare = _COMPARISONS[sign]

    def test(payload: Any) -> bool:
        found = payload
        for key in path:
            found = found.get(key, _MISSING) if isinstance(found, dict) else _MISSING
        if found is _MISSING or _kind(found) != _kind(value):
            return sign == "!="
        try:
            return compare(found, value)
        except TypeError:  # objects, null: nothing is less than them
            return False

    return test


def _kind(value: Any) -> Any:
    """Numbers are of one kind, and true is no number."""
    return float if type(value) is int else type(value)
