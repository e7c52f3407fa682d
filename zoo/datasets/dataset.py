"""`Dataset`: named arrays of training and test rows."""

from __future__ import annotations

import dataclasses
import hashlib
import pathlib
from typing import Any

import numpy as np

from zoo.datasets import texts
from zoo.datasets.sparse import SparseRows
from zoo.files import replacing


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Rows to learn from and rows to judge by, with labels where there are any.

    Args:
        name: How to speak of it.
        x_train: Training rows `[n, ...]`: numbers; strings, texts `[n]` or a table with categories
            `[n, columns]`; or `SparseRows`, word counts.
        x_test: Test rows `[m, ...]`.
        y_train: Integer labels `[n]`, or 0 and 1 `[n, labels]` where a row may have several, or
            `None`.
        y_test: The same for the test rows, or `None`.
        label_names: What the labels are called, if they have names.
        columns: Names of the columns of a table, or the words that are counted.
        categorical: Indices of a table's columns that hold categories.

    Raises:
        ValueError: If a part is empty, rows differ in shape or kind, or labels do not fit rows.
    """

    name: str
    x_train: Any
    x_test: Any
    y_train: np.ndarray | None = None
    y_test: np.ndarray | None = None
    label_names: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    categorical: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for part in ("train", "test"):
            x, y = getattr(self, f"x_{part}"), getattr(self, f"y_{part}")
            is_text = x.dtype.kind in "OUS"
            if x.ndim < (1 if is_text else 2) or len(x) == 0:
                raise ValueError(
                    f"Data set {self.name}: x_{part} must have the shape [rows, ...] with at least "
                    f"one row. Received: shape={x.shape}"
                )
            if (is_text and x.ndim > 2) or x.dtype.kind not in "fiubOUS":
                raise ValueError(
                    f"Data set {self.name}: x_{part} must hold numbers, texts [rows] or a table "
                    f"[rows, columns]. Received: dtype={x.dtype}, shape={x.shape}"
                )
            if y is not None and (y.ndim not in (1, 2) or len(y) != len(x)):
                raise ValueError(
                    f"Data set {self.name}: y_{part} must hold one label for each of the {len(x)} "
                    f"rows. Received: shape={y.shape}"
                )
            if y is not None and self.label_names:
                named = y.shape[1] if y.ndim > 1 else int(y.max()) + 1
                if named > len(self.label_names) or y.min() < 0:
                    raise ValueError(
                        f"Data set {self.name}: y_{part} must hold labels below the number of "
                        f"label_names, {len(self.label_names)}. Received: up to {named - 1}"
                    )
        train, test = self.x_train, self.x_test
        if train.shape[1:] != test.shape[1:] or _is_text(train) != _is_text(test):
            raise ValueError(
                f"Data set {self.name}: training and test rows must have one shape and kind. "
                f"Received: {train.shape[1:]} of {train.dtype} and {test.shape[1:]} of {test.dtype}"
            )

    @property
    def kind(self) -> str:
        """`"image"`, `"vector"`, `"series"`, `"table"`, `"text"` or `"counts"` (of words)."""
        x = self.x_train
        if isinstance(x, SparseRows):
            return "counts"
        if _is_text(x):
            return "text" if x.ndim == 1 else "table"
        if self.columns:
            return "table"
        if x.ndim == 4 and x.shape[-1] in (1, 3):
            return "image"
        return "series" if x.ndim == 3 else "vector"

    @property
    def is_image(self) -> bool:
        """Whether a row is (height, width, 1 or 3 channels)."""
        return self.kind == "image"

    @property
    def test_labels(self) -> np.ndarray | None:
        """One label of each test row, by name if there are names; `None` without labels."""
        if self.y_test is None or self.y_test.ndim > 1:
            return None
        return np.array(self.label_names)[self.y_test] if self.label_names else self.y_test

    def save(self, path: str | pathlib.Path) -> None:
        """Writes the arrays to an `.npz` file that `load` reads, whole or not at all."""
        path = pathlib.Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays = self._joined() if self.kind in ("text", "counts") else self._arrays()
        for name in ("label_names", "columns", "categorical"):
            if getattr(self, name):
                arrays[name] = np.array(getattr(self, name))
        with replacing(path) as partial, partial.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)

    def fingerprint(self) -> str:
        """SHA-256 of names, shapes, dtypes and values of all arrays, in hex."""
        digest = hashlib.sha256()
        for name, array in self._arrays().items():
            digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def _arrays(self) -> dict[str, np.ndarray]:
        """All arrays, none of objects."""
        arrays: dict[str, np.ndarray] = {}
        for name in ("x_train", "x_test", "y_train", "y_test"):
            array = getattr(self, name)
            if isinstance(array, SparseRows):
                arrays |= {f"{name}_{part}": a for part, a in array.arrays().items()}
            elif array is not None and array.dtype.kind == "O":
                arrays |= {f"{name}_{part}": a for part, a in texts.pack(array.ravel()).items()}
            elif array is not None:
                arrays[name] = array
        if self.kind == "table" and _is_text(self.x_train):
            arrays["width"] = np.array(self.x_train.shape[1])
        return arrays

    def _joined(self) -> dict[str, np.ndarray]:
        """Texts or counts of all rows, the training rows first, and which rows are which."""
        train = len(self.x_train)
        rows = np.arange(train + len(self.x_test))
        arrays = {"given_train": rows[:train], "given_test": rows[train:]}
        if self.kind == "text":
            arrays |= texts.pack(np.concatenate([self.x_train, self.x_test]))
        else:
            arrays |= self.x_train.joined(self.x_test).arrays()
        if self.y_train is not None and self.y_test is not None:
            arrays["labels"] = np.concatenate([self.y_train, self.y_test])
        return arrays


def _is_text(x: Any) -> bool:
    return x.dtype.kind in "OUS"
