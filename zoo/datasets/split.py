"""Which rows are learned from and which are held out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from zoo.datasets.dataset import Dataset

HELD_OUT = 0.1


def hold_out(
    name: str,
    x: Any,
    y: np.ndarray | None = None,
    rows: tuple[np.ndarray, np.ndarray] | None = None,
    **parts: Any,
) -> Dataset:
    """A data set of rows that are not split yet.

    Args:
        name: The data set's.
        x: All rows `[n, ...]`.
        y: Their labels, or `None`.
        rows: Indices of training and of test rows; a tenth is held out, the same at every call,
            if omitted.
        **parts: Further fields of the `Dataset`.

    Returns:
        The data set.

    Raises:
        ValueError: If there are fewer than two rows, or a label is missing.
    """
    if x.ndim == 0 or len(x) < 2:
        raise ValueError(f"{name}: x must have at least two rows. Received: shape={x.shape}")
    if y is not None and len(y) != len(x):
        raise ValueError(
            f"{name}: y must have a label for each of {len(x)} rows. Received: {len(y)}"
        )
    if rows is None:
        order = np.random.default_rng(0).permutation(len(x))
        count = max(1, round(len(x) * HELD_OUT))
        rows = np.sort(order[count:]), np.sort(order[:count])
    labels = (None, None) if y is None else tuple(y[some] for some in rows)
    return Dataset(name, *(x.take(some, axis=0) for some in rows), *labels, **parts)


def named_split(
    arrays: Mapping[str, np.ndarray], wanted: str | None, count: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """The training and test rows that an archive names.

    Args:
        arrays: An archive's arrays; `NAME_train` and `NAME_test` hold rows of the split NAME.
        wanted: Which split, if there are several.
        count: Rows that there are.

    Returns:
        Both, or `None` if the archive names none.

    Raises:
        ValueError: If it names several and none is wanted, the wanted one is not there, or rows
            are out of range or in both parts.
    """
    names = [n.removesuffix("_train") for n in arrays if n.endswith("_train")]
    names = [name for name in names if f"{name}_test" in arrays]
    if wanted is None and len(names) > 1:
        raise ValueError(f"There are several splits, choose one: split={' or '.join(names)}")
    if wanted is None and not names:
        return None
    name = wanted or names[0]
    if name not in names:
        raise ValueError(
            f"There is no split {name!r}; there are: {', '.join(names) or 'none'}. "
            f"Received: split={wanted!r}"
        )
    train, test = (np.ravel(arrays[f"{name}_{part}"]) for part in ("train", "test"))
    both = np.concatenate([train, test])
    if both.dtype.kind not in "iu" or ((both < 0) | (both >= count)).any():
        raise ValueError(f"The split {name!r} must hold indices of the {count} rows.")
    if np.isin(test, train).any():
        raise ValueError(f"The split {name!r} has rows that are in training and test alike.")
    return train, test
