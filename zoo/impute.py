"""`impute`: fills the missing values of data."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.autoencoder import Autoencoder
from zoo.checks import readable


def impute(model: Autoencoder, x: Any, batch_size: int = 256) -> np.ndarray:
    """Fills missing values with the model's reconstruction; observed ones stay as they are.

    Args:
        model: An autoencoder that takes missing values: the variant `missing`.
        x: Raw inputs as the model takes them, arrays with `n` rows.
        batch_size: Rows that are computed at once.

    Returns:
        float32 array `[n, ...]` of the preprocessed inputs without holes.

    Raises:
        ValueError: If the model does not take missing values, there are no rows, or they
            are texts and the model reads numbers.

    Example:
    >>> ae = zoo.create("missing", (13,), 4, likelihood="gaussian")
    >>> ae.compile(optimizer="adam")
    >>> ae.fit(table_with_nan, epochs=50)
    >>> table = zoo.impute(ae, table_with_nan)
    """
    if not model.missing_values:
        raise ValueError(
            "`model` must take missing values, as the variant 'missing' does. Received: "
            f"{model.recipe.get('variant') or model.name}"
        )
    if not len(next(iter(x.values())) if isinstance(x, dict) else x):
        raise ValueError("`x` must have at least one row. Received: none")
    x = readable(model, x)
    target = np.asarray(model.preprocessor.predict(x, batch_size=batch_size, verbose=0))
    reconstruction = np.asarray(model.predict(x, batch_size=batch_size, verbose=0))
    return np.where(np.isnan(target), reconstruction, target).astype("float32")
