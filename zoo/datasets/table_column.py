"""One column of a table: numbers, or categories."""

from __future__ import annotations

import numpy as np
import pyarrow
import pyarrow.compute

# More categories than this are names or texts, and would make as many units.
MAX_CATEGORIES = 1000
# So many categories, each of one row, tell nothing of other rows.
MANY = 50
NUMBER = r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$"


def read_column(values: pyarrow.ChunkedArray, is_typed: bool, is_category: bool) -> np.ndarray:
    """Makes numbers or categories of a column.

    Args:
        values: The column; strings if it is not typed.
        is_typed: Whether strings are categories even if they look like numbers.
        is_category: Whether it holds categories whatever it looks like.

    Returns:
        Numbers as float64 `[n]`, NaN where there is none; or categories as strings, dtype object,
        empty where there is none.

    Raises:
        ValueError: What is wrong with the column, to follow its name.
    """
    if values.null_count == len(values):
        raise ValueError("is empty: drop it.")
    kind = values.type
    if pyarrow.types.is_dictionary(kind):
        values = values.cast(kind.value_type)
        kind = values.type
    is_number = any(
        test(kind)
        for test in (
            pyarrow.types.is_integer,
            pyarrow.types.is_floating,
            pyarrow.types.is_decimal,
        )
    )
    if is_number and not is_category:
        return _numbers(values)
    is_text = pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind)
    if not (is_number or is_text or pyarrow.types.is_boolean(kind)):
        raise ValueError(f"holds {kind}, neither numbers nor categories: drop it.")
    if is_text:
        values = pyarrow.compute.utf8_trim_whitespace(values)
    if is_text and not is_typed and not is_category:
        try:
            return _numbers(values)
        except pyarrow.ArrowInvalid:
            _refuse_mixture(values)
    return _categories(values.cast(pyarrow.string()), is_category)


def _numbers(values: pyarrow.ChunkedArray) -> np.ndarray:
    numbers = values.cast(pyarrow.float64()).fill_null(np.nan).to_numpy()
    infinite = np.flatnonzero(np.isinf(numbers))
    if len(infinite):
        raise ValueError(f"must be finite. Received: infinity in row {infinite[0]}")
    if np.isnan(numbers).all():
        raise ValueError("is empty: drop it.")
    return numbers


def _refuse_mixture(values: pyarrow.ChunkedArray) -> None:
    is_number = pyarrow.compute.match_substring_regex(values, NUMBER).fill_null(True).to_numpy()
    others = np.flatnonzero(~is_number)
    if len(others) * 2 <= len(values) - values.null_count:
        raise ValueError(
            f"holds numbers but for {len(others)} rows: name it as categorical, or drop it. "
            f"Received: {values[int(others[0])].as_py()!r} in row {others[0]}"
        )


def _categories(values: pyarrow.ChunkedArray, is_category: bool) -> np.ndarray:
    found = pyarrow.compute.count_distinct(values).as_py()
    if MANY < found == len(values) - values.null_count and not is_category:
        raise ValueError(
            f"has {found:,} values, all different, as texts and identifiers are: drop it, or name "
            "it as text or categorical."
        )
    if found > MAX_CATEGORIES:
        raise ValueError(
            f"has {found:,} different values, more than the {MAX_CATEGORIES:,} that categories "
            "may have: drop it, or name it as text."
        )
    return values.fill_null("").to_numpy(zero_copy_only=False).astype(object)
