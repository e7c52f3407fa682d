"""Data sets from files."""

from __future__ import annotations

import pathlib
import zipfile
import zlib
from collections.abc import Callable

import numpy as np

from zoo.datasets.dataset import Dataset

HELD_OUT = 0.1


def read(path: pathlib.Path) -> Dataset:
    """Reads a data set from a file.

    An `.npz` archive holds `x_train` and `x_test` with or without `y_train` and `y_test`, or
    `x` alone with or without `y`; an `.npy` file holds x. Where there are no test rows, a
    tenth is held out, the same at every call.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it can't be read or arrays are missing.
    """
    if not path.is_file():
        raise FileNotFoundError(f"There is no data file {path}.")
    if path.suffix not in READERS:
        raise ValueError(
            f"{path}: files that can be read are {', '.join(READERS)}. Received: {path.suffix!r}"
        )
    try:
        arrays = READERS[path.suffix](path)
    except (ValueError, EOFError, OSError, zipfile.BadZipFile, zlib.error) as error:
        # NumPy takes any text for pickled objects, and tells how to load them unsafely.
        reason = "it holds no plain arrays" if "pickle" in str(error) else error
        problem = f"{path} is damaged or not a NumPy {path.suffix} file"
        raise ValueError(f"{problem}: {reason}") from error
    if not ({"x_train", "x_test"} <= set(arrays) or "x" in arrays):
        raise ValueError(
            f"{path} must hold x_train and x_test, or x. Received: {', '.join(sorted(arrays))}"
        )
    if "x_train" not in arrays:
        arrays = _hold_out(arrays["x"], arrays.get("y"))
    labels = (np.ravel(arrays[name]) if name in arrays else None for name in ("y_train", "y_test"))
    return Dataset(
        path.stem, with_channels(arrays["x_train"]), with_channels(arrays["x_test"]), *labels
    )


def with_channels(x: np.ndarray) -> np.ndarray:
    """Gives grey images `[n, height, width]` their channel axis; leaves others alone."""
    return x[..., None] if x.ndim == 3 else x


def _hold_out(x: np.ndarray, y: np.ndarray | None) -> dict[str, np.ndarray]:
    if x.ndim == 0 or len(x) < 2:
        raise ValueError(f"x must have at least two rows. Received: shape={x.shape}")
    if y is not None and len(y) != len(x):
        raise ValueError(f"y must have a label for each of {len(x)} rows. Received: {len(y)}")
    order = np.random.default_rng(0).permutation(len(x))
    count = max(1, round(len(x) * HELD_OUT))
    parts = {"test": np.sort(order[:count]), "train": np.sort(order[count:])}
    arrays = {f"x_{part}": x[rows] for part, rows in parts.items()}
    if y is not None:
        arrays |= {f"y_{part}": y[rows] for part, rows in parts.items()}
    return arrays


def _npz(path: pathlib.Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _npy(path: pathlib.Path) -> dict[str, np.ndarray]:
    return {"x": np.load(path, allow_pickle=False)}


READERS: dict[str, Callable[[pathlib.Path], dict[str, np.ndarray]]] = {
    ".npz": _npz,
    ".npy": _npy,
}
