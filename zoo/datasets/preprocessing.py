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
        `"bernoulli"`; else a `Normalization` adapted to `x` and `"gaussian"`.

    Raises:
        ValueError: If `x` has NaN or infinite values.
    """
    if x.dtype == np.uint8:
        return keras.layers.Rescaling(1 / 255, name="rescaling"), "bernoulli"
    low, high = float(np.min(x)), float(np.max(x))
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError(
            "Training rows must be finite; remove or fill missing values. "
            f"Received: values from {low} to {high}"
        )
    if low >= 0 and high <= 1:
        return None, "bernoulli"
    normalization = keras.layers.Normalization(name="normalization")
    normalization.adapt(x)
    return normalization, "gaussian"
