"""From raw values to model inputs, chosen by looking at the training rows."""

from __future__ import annotations

import keras
import numpy as np


def preprocessing_for(x: np.ndarray) -> tuple[keras.layers.Layer | None, str]:
    """Chooses the scaling that becomes part of a model, and the likelihood that suits it.

    Args:
        x: Training rows.

    Returns:
        For bytes, a division by 255 and `"bernoulli"`; for values in [0, 1], nothing and
        `"bernoulli"`; else a `Normalization` to mean 0 and variance 1 and `"gaussian"`. NaN,
        which means "not observed", is passed over.

    Raises:
        ValueError: If `x` has infinite or huge values or none that is observed.
    """
    if x.dtype == np.uint8:
        return keras.layers.Rescaling(1 / 255, name="rescaling"), "bernoulli"
    observed = x[~np.isnan(x)]
    if observed.size == 0 or not np.isfinite(observed).all():
        raise ValueError(
            "Training rows must have values, all of them finite or NaN. "
            f"Received: {observed.size} values that are not NaN, {np.isinf(x).sum()} infinite"
        )
    if observed.min() >= 0 and observed.max() <= 1:
        return None, "bernoulli"
    # Not by `adapt`, which a single NaN would turn into NaN.
    axes = tuple(range(x.ndim - 1))
    with np.errstate(over="ignore"):
        mean, variance = np.nanmean(x, axis=axes), np.nanvar(x, axis=axes)
    if (variance > np.finfo("float32").max).any():
        raise ValueError(
            "Training rows must have variances that float32 can hold: scale them down. "
            f"Received: values of up to {np.abs(observed).max():.3g}"
        )
    return keras.layers.Normalization(
        mean=mean, variance=variance, name="normalization"
    ), "gaussian"
