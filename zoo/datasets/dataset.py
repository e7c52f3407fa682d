"""`Dataset`: named arrays of training and test rows."""

from __future__ import annotations

import dataclasses
import hashlib
import pathlib

import numpy as np

from zoo.files import replacing


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Rows to learn from and rows to judge by, with labels where there are any.

    Args:
        name: How to speak of it.
        x_train: Training rows `[n, ...]`.
        x_test: Test rows `[m, ...]`.
        y_train: Integer labels `[n]`, or `None`.
        y_test: Integer labels `[m]`, or `None`.

    Raises:
        ValueError: If a part is empty, rows differ in shape, or labels do not fit rows.
    """

    name: str
    x_train: np.ndarray
    x_test: np.ndarray
    y_train: np.ndarray | None = None
    y_test: np.ndarray | None = None

    def __post_init__(self) -> None:
        for part in ("train", "test"):
            x, y = getattr(self, f"x_{part}"), getattr(self, f"y_{part}")
            if x.ndim < 2 or len(x) == 0:
                raise ValueError(
                    f"Data set {self.name}: x_{part} must have the shape [rows, ...] with at least "
                    f"one row. Received: shape={x.shape}"
                )
            if x.dtype.kind not in "fiub":
                raise ValueError(
                    f"Data set {self.name}: x_{part} must hold numbers. Received: dtype={x.dtype}"
                )
            if y is not None and y.shape != (len(x),):
                raise ValueError(
                    f"Data set {self.name}: y_{part} must hold one label for each of the {len(x)} "
                    f"rows. Received: shape={y.shape}"
                )
        if self.x_train.shape[1:] != self.x_test.shape[1:]:
            raise ValueError(
                f"Data set {self.name}: training and test rows must have one shape. "
                f"Received: {self.x_train.shape[1:]} and {self.x_test.shape[1:]}"
            )

    @property
    def is_image(self) -> bool:
        """Whether a row is (height, width, 1 or 3 channels)."""
        return self.x_train.ndim == 4 and self.x_train.shape[-1] in (1, 3)

    def save(self, path: str | pathlib.Path) -> None:
        """Writes the arrays to an `.npz` file, whole or not at all."""
        path = pathlib.Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial, partial.open("wb") as file:
            np.savez(file, allow_pickle=False, **self._arrays())

    def fingerprint(self) -> str:
        """SHA-256 of names, shapes, dtypes and values of all arrays, in hex."""
        digest = hashlib.sha256()
        for name, array in self._arrays().items():
            digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def _arrays(self) -> dict[str, np.ndarray]:
        arrays = {name: getattr(self, name) for name in ("x_train", "x_test", "y_train", "y_test")}
        return {name: array for name, array in arrays.items() if array is not None}
