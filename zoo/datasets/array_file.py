"""Data sets from `.npz` and `.npy` files."""

from __future__ import annotations

import pathlib
import zipfile
import zlib
from typing import Any

import numpy as np

from zoo.datasets import labels, texts
from zoo.datasets.dataset import Dataset
from zoo.datasets.reading import Reading
from zoo.datasets.sparse import SparseRows
from zoo.datasets.split import hold_out, named_split

Arrays = dict[str, np.ndarray]
COUNTS = ("data", "indices", "indptr", "shape")
TEXTS = ("text_utf8", "offsets")


def read(path: pathlib.Path, reading: Reading) -> Dataset:
    """Reads NumPy arrays.

    An `.npy` file holds x. An `.npz` archive holds one of

    - `x_train` and `x_test`, with `y_train` and `y_test` if there are labels;
    - `x`, with `y`;
    - texts: `text_utf8` and `offsets`, with `labels`;
    - word counts: `data`, `indices`, `indptr` and `shape` of a CSR matrix, with `labels` and the
      words, `vocab`.

    Integers `[n, height, width]` are grey images, floats `[n, steps, channels]` time series: NaN is
    what was not observed, or what `mask` (`mask_train`, `mask_test`), `[n, steps]` or of the
    series' shape, says is 0. Texts and counts are split by index arrays `NAME_train` and
    `NAME_test`. Where there are no test rows, a tenth is held out. `label_names` names labels.

    Args:
        path: The file.
        reading: May choose a `split`.

    Returns:
        The data set.

    Raises:
        ValueError: If it is damaged, or arrays are missing or do not fit.
    """
    reading.allow(path, "split")
    try:
        arrays = _arrays(path)
    except (ValueError, EOFError, OSError, zipfile.BadZipFile, zlib.error) as error:
        # NumPy takes any text for pickled objects, and tells how to load them unsafely.
        reason = "it holds Python objects, no plain array" if "pickle" in str(error) else error
        problem = f"{path} is damaged or not a NumPy {path.suffix} file"
        raise ValueError(f"{problem}: {reason}") from error
    if set(TEXTS) <= set(arrays) or set(COUNTS) <= set(arrays):
        try:
            return _documents(path, arrays, reading)
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path}: {error}") from error
    reading.allow(path)
    if not ({"x_train", "x_test"} <= set(arrays) or "x" in arrays):
        raise ValueError(
            f"{path} must hold x_train and x_test, or x; {' and '.join(TEXTS)}; or "
            f"{', '.join(COUNTS)}. Received: {', '.join(sorted(arrays))}"
        )
    parts: dict[str, Any] = {
        "label_names": tuple(np.ravel(arrays.get("label_names", ())).tolist()),
        "columns": tuple(np.ravel(arrays.get("columns", ())).tolist()),
        "categorical": tuple(np.ravel(arrays.get("categorical", ())).tolist()),
    }
    if "x_train" not in arrays:
        x = _shaped(arrays["x"], arrays.get("mask"))
        return hold_out(path.stem, x, _labels(path, arrays, "y"), **parts)
    for part in ("train", "test"):
        parts[f"x_{part}"] = _shaped(arrays[f"x_{part}"], arrays.get(f"mask_{part}"))
        parts[f"y_{part}"] = _labels(path, arrays, f"y_{part}")
    return Dataset(path.stem, **parts)


def with_channels(x: np.ndarray) -> np.ndarray:
    """Gives grey images `[n, height, width]` their channel axis; leaves others alone."""
    return x[..., None] if x.ndim == 3 else x


def _arrays(path: pathlib.Path) -> Arrays:
    if path.suffix == ".npy":
        return {"x": np.load(path, allow_pickle=False)}
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    for part in ("x_train", "x_test"):  # a table with categories, as `Dataset.save` writes it
        if {f"{part}_{name}" for name in TEXTS} | {"width"} <= set(arrays):
            cells = texts.unpack({name: arrays[f"{part}_{name}"] for name in TEXTS})
            arrays[part] = cells.reshape(-1, int(arrays["width"]))
    return arrays


def _shaped(x: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    if x.ndim != 3 or x.dtype.kind != "f":
        x = with_channels(x)
    if mask is None:
        return x
    mask = mask.astype(bool)
    if mask.ndim == x.ndim - 1:
        mask = mask[..., None]
    if x.dtype.kind != "f" or mask.ndim != x.ndim or mask.shape[:-1] != x.shape[:-1]:
        raise ValueError(
            f"A mask says which of the floats {x.shape} were observed: it must have their shape, "
            f"with or without the last axis. Received: shape={mask.shape}"
        )
    return np.where(mask, x, np.asarray(np.nan, x.dtype))


def _labels(path: pathlib.Path, arrays: Arrays, name: str) -> np.ndarray | None:
    if name not in arrays:
        return None
    y = arrays[name]
    if y.ndim == 2 and y.shape[1] > 1:
        if not np.isin(y, (0, 1)).all():
            raise ValueError(f"{path}: {name} {y.shape} must hold 0 and 1, a column a label.")
        return y.astype("uint8")
    y = np.ravel(y)
    if y.dtype.kind == "f":
        return labels.to_integers(y.tolist(), f"{path}: {name}")[0]
    return y


def _documents(path: pathlib.Path, arrays: Arrays, reading: Reading) -> Dataset:
    is_text = "text_utf8" in arrays
    x = texts.unpack(arrays) if is_text else SparseRows.from_arrays(arrays)
    y = _labels(path, arrays, "labels")
    words = next((arrays[n] for n in ("vocab", "columns") if n in arrays), np.zeros(0, "U1"))
    if not is_text and len(words) not in (0, x.shape[1]):
        raise ValueError(f"vocab must name {x.shape[1]} columns. Received: {len(words)}")
    return hold_out(
        path.stem,
        x,
        y,
        named_split(arrays, reading.split, len(x)),
        label_names=tuple(np.ravel(arrays.get("label_names", ())).tolist()),
        columns=() if is_text else tuple(words.tolist()),
    )
