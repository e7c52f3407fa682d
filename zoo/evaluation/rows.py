"""Chooses rows of a sample, and runs models over many rows."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from zoo.autoencoder import Autoencoder

BATCH = 1000


def evenly_spaced(rows: int, count: int) -> np.ndarray:
    """Indices of at most `count` evenly spaced rows, the same at every call."""
    return np.linspace(0, rows - 1, min(count, rows)).astype(int)


def predict(model: Any, x: np.ndarray) -> np.ndarray:
    """Outputs of a model or layer for all rows, float32 where it computes in less."""
    # By hand, for `predict` compiles a function for each model, which takes longer than this.
    parts = [
        keras.ops.convert_to_numpy(model(x[i : i + BATCH], training=False))
        for i in range(0, len(x), BATCH)
    ]
    outputs = np.concatenate(parts)
    return outputs if outputs.dtype.kind in "iub" else outputs.astype("float32", copy=False)


def reconstruction_errors(
    model: Autoencoder, x: np.ndarray, reconstructions: np.ndarray
) -> np.ndarray:
    """The error of each row, float32 `[n]`; see `Autoencoder.reconstruction_error`."""
    errors = [
        model.reconstruction_error(x[i : i + BATCH], reconstructions[i : i + BATCH])
        for i in range(0, len(x), BATCH)
    ]
    return np.concatenate([keras.ops.convert_to_numpy(e) for e in errors])


def input_features(model: Autoencoder, x: np.ndarray) -> np.ndarray:
    """Preprocessed inputs as vectors, which codes are compared with.

    Args:
        model: Whose preprocessing it is.
        x: Raw inputs `[n, ...]`.

    Returns:
        float32 `[n, components]`; what was not observed stays NaN.
    """
    return predict(model.preprocessor, x).reshape(len(x), -1).astype("float32", copy=False)


def fill_missing(train: np.ndarray, *others: np.ndarray) -> list[np.ndarray]:
    """Puts the training rows' mean of a component, or 0 without any, where it is NaN.

    Args:
        train: `[n, components]`.
        *others: Further rows to fill in the same way.

    Returns:
        All of them, filled.
    """
    if not any(np.isnan(x).any() for x in (train, *others)):
        return [train, *others]
    observed = ~np.isnan(train)
    mean = np.where(observed, train, 0).sum(0) / np.maximum(observed.sum(0), 1)
    return [np.where(np.isnan(x), mean, x).astype(x.dtype) for x in (train, *others)]
