"""Labels of any kind as integers, with their names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def to_integers(values: Sequence[Any], what: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Integers for labels.

    Args:
        values: Numbers or strings, one a row; `None`, NaN and `""` are no labels.
        what: What holds them, for messages.

    Returns:
        Whole numbers as they are, without names; for others their places among the sorted
        names, and the names.

    Raises:
        ValueError: If a row has no label, or labels are fractions.
    """
    for row, value in enumerate(values):
        if value is None or value != value or str(value).strip() == "":
            raise ValueError(f"{what} has no label in row {row} of {len(values)}.")
    try:
        numbers = np.array([float(value) for value in values])
    except ValueError:
        names, labels = np.unique([str(value).strip() for value in values], return_inverse=True)
        return labels, tuple(names.tolist())
    fraction = np.flatnonzero(numbers != np.round(numbers))
    if len(fraction):
        raise ValueError(
            f"{what} must hold labels, whole numbers or names. "
            f"Received: {values[fraction[0]]} in row {fraction[0]}"
        )
    return numbers.astype("int64"), ()
