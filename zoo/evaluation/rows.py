"""Chooses rows of a sample, and runs models over many rows."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from zoo.autoencoder import Autoencoder
from zoo.checks import texts_to_tensor

BATCH = 1000


def evenly_spaced(rows: int, count: int) -> np.ndarray:
    """Indices of at most `count` evenly spaced rows, the same at every call."""
    return np.linspace(0, rows - 1, min(count, rows)).astype(int)


def predict(model: Any, x: Any) -> np.ndarray:
    """Outputs of a model or layer for all rows, float32 where it computes in less.

    Args:
        model: Any callable of batches.
        x: Rows `[n, ...]`: numbers, strings or sparse rows.
    """
    # By hand, for `predict` compiles a function for each model, which takes longer than this.
    parts = [
        keras.ops.convert_to_numpy(model(texts_to_tensor(x[i : i + BATCH]), training=False))
        for i in range(0, len(x), BATCH)
    ]
    outputs = np.concatenate(parts)
    return outputs if outputs.dtype.kind in "iub" else outputs.astype("float32", copy=False)


def reconstruction_errors(model: Autoencoder, x: Any, codes: np.ndarray) -> np.ndarray:
    """The error of decoding each row's code; see `Autoencoder.reconstruction_error`.

    Reconstructions of all rows are never held at once: those of texts are wide.

    Args:
        model: The autoencoder.
        x: Raw rows `[n, ...]`.
        codes: Their codes, or bits, `[n, size]`.

    Returns:
        float32 `[n]`.
    """
    errors = []
    for i in range(0, len(x), BATCH):
        decoded = predict(model.decoder, codes[i : i + BATCH])
        error = model.reconstruction_error(texts_to_tensor(x[i : i + BATCH]), decoded)
        errors.append(keras.ops.convert_to_numpy(error))
    return np.concatenate(errors)


def input_features(model: Autoencoder, x: Any) -> np.ndarray:
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
