"""`tabular`: fully connected trunks on tables of numbers and categories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from zoo.backbones.dense import Dense
from zoo.layers.table_encoding import TableEncoding
from zoo.registry import backbone


@backbone("tabular")
class Tabular(Dense):
    """Fully connected trunks for tables; missing numbers are read as their column's mean.

    With `zoo.create(..., input_shape=(columns,), adapt=table)` the model takes raw rows, of
    numbers or of strings: it standardises numbers and knows the categories, reconstructs both,
    and is exported so.

    Args:
        input_shape: (width of the encoded rows,).
        likelihood: That of the encoded rows, `"gaussian"` for rows of plain numbers.
        hidden: As for the dense backbone.
        activation: As for the dense backbone.
        tied: As for the dense backbone.

    Example:
    >>> table = np.array([["1.5", "red"], ["", "blue"]])
    >>> ae = zoo.create("undercomplete", (2,), 1, backbone="tabular", adapt=table)
    >>> ae.compile(optimizer="adam")
    >>> ae.fit(table)
    """

    default_likelihood = "gaussian"
    missing_values = True

    def __init__(
        self,
        input_shape: tuple[int, ...],
        likelihood: str,
        hidden: Sequence[int] = (128, 64),
        activation: str = "relu",
        tied: bool = False,
    ):
        super().__init__(input_shape, likelihood, hidden, activation, tied)

    @classmethod
    def preprocessing(
        cls, data: Any, categorical: Sequence[int] | None = None
    ) -> keras.layers.Layer:
        """A `TableEncoding`.

        Args:
            data: Table `[n, columns]`.
            categorical: Indices of the columns of categories, see `TableEncoding`.

        Returns:
            The layer, adapted.
        """
        layer = TableEncoding(categorical, name="table_encoding")
        layer.adapt(data)
        return layer

    def read(self, x: Any) -> Any:
        """0 for NaN."""
        return keras.ops.where(keras.ops.isnan(x), keras.ops.zeros_like(x), x)
