"""What is left of a code when its input is noisy or partly missing."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from zoo.autoencoder import Autoencoder
from zoo.datasets import Dataset
from zoo.evaluation.probes import LinearProbe
from zoo.evaluation.rows import input_features, predict, reconstruction_errors

NOISE_LEVELS = (0.0, 0.25, 0.5, 1.0, 2.0)
MISSING_RATES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9)


def add_noise(x: np.ndarray, level: float, like: np.ndarray, seed: int = 0) -> np.ndarray:
    """Adds Gaussian noise; what has a range keeps it.

    Args:
        x: Rows `[n, ...]`.
        level: Standard deviation of the noise, in standard deviations of all values of `like`.
        like: Rows that scale and range are taken from: bytes stay in 0 to 255, data in [0, 1]
            in [0, 1].
        seed: Seed of the noise.

    Returns:
        Rows of the dtype of `x`.
    """
    noise = np.random.default_rng(seed).standard_normal(x.shape, "float32")
    noisy = x + noise * (level * float(np.nanstd(like, dtype="float64")))
    if x.dtype == np.uint8:
        return noisy.round().clip(0, 255).astype("uint8")
    if np.nanmin(like) >= 0 and np.nanmax(like) <= 1:
        noisy = noisy.clip(0, 1)
    return noisy.astype(x.dtype)


def hide(x: np.ndarray, rate: float, filler: Any, seed: int = 0) -> np.ndarray:
    """Hides each component with the probability `rate`.

    Args:
        x: Rows `[n, ...]`.
        rate: In [0, 1]. What a lower rate hides, a higher one hides too.
        filler: What takes the place of a hidden component: a number, NaN, or one a component.
        seed: Seed of the choice.

    Returns:
        Rows of the dtype of `x`; of float32 where that is of integers and the filler is not.
    """
    hidden = np.random.default_rng(seed).random(x.shape, "float32") < rate
    if x.dtype.kind not in "fc" and not np.isfinite(filler).all():
        x = x.astype("float32")
    return np.where(hidden, np.asarray(filler, x.dtype), x)


def robustness(
    model: Autoencoder,
    dataset: Dataset,
    rows: np.ndarray,
    probe: LinearProbe | None,
    raw_probe: LinearProbe | None,
) -> list[dict[str, Any]]:
    """Errors and accuracies on spoilt test rows; nothing is fitted on them.

    Missing components are NaN for models that take it, as those of integers cannot. For others
    they are what a corrupting layer would make of them, 0 of the preprocessed input: 0, or the
    component's mean over the training rows where the likelihood is Gaussian.

    Args:
        model: The autoencoder.
        dataset: Its data, numbers.
        rows: Which test rows are used.
        probe: Linear probe fitted on codes of clean training rows, if there are labels.
        raw_probe: The same fitted on preprocessed training rows.

    Returns:
        Lines with `corruption` (`"noise"` or `"missing"`), `level`, `reconstruction_error`
        against the clean rows, and `linear_accuracy` and `linear_accuracy_raw_input` where
        there are such probes.
    """
    x = dataset.x_test[rows]
    filler: Any = 0
    if model.missing_values and keras.backend.is_float_dtype(model.encoder.inputs[0].dtype):
        filler = np.nan
    elif model.likelihood == "gaussian":
        filler = np.nanmean(dataset.x_train, axis=0)
    spoilt = [("noise", level, add_noise(x, level, dataset.x_train)) for level in NOISE_LEVELS]
    spoilt += [("missing", rate, hide(x, rate, filler)) for rate in MISSING_RATES]
    lines = []
    for corruption, level, seen in spoilt:
        codes = predict(model.encoder, seen)
        errors = reconstruction_errors(model, x, codes)
        line = {
            "corruption": corruption,
            "level": level,
            "reconstruction_error": float(errors.mean()),
        }
        if dataset.y_test is not None and probe is not None:
            line["linear_accuracy"] = probe.accuracy(codes, dataset.y_test[rows])
        if dataset.y_test is not None and raw_probe is not None:
            line["linear_accuracy_raw_input"] = raw_probe.accuracy(
                input_features(model, seen), dataset.y_test[rows]
            )
        lines.append(line)
    return lines
