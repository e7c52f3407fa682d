"""`TableEncoding`: rows of numbers and categories to numbers alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf


@keras.saving.register_keras_serializable(package="zoo")
class TableEncoding(keras.layers.Layer):
    """Standardises numeric columns and turns categories into one-hot groups.

    `adapt` learns means, standard deviations and categories; they are part of the layer's
    configuration. Numeric columns come first in the output, in their order, then one group for
    each other column. A number that is missing is NaN; a category that is missing or was not in
    the data is all zeros.

    Args:
        categorical: Indices of the columns of categories; if omitted, those columns of a table
            of strings in which not everything is a number or empty, and none of a table of
            numbers.
        columns: What `adapt` learnt; leave it out.
        **kwargs: As for any layer.

    Call arguments:
        inputs: Table `[batch, columns]`, numbers or strings. In strings an empty one is missing.

    Returns:
        float32 tensor `[batch, numeric columns + categories]`.

    Raises:
        ValueError: If the data are no table, an index is out of range, or the layer is called
            before it is adapted.

    See also: `TableOutput`, the matching activation.

    Example:
    >>> encoding = TableEncoding()
    >>> encoding.adapt(np.array([["1.5", "red"], ["2.5", "blue"]]))
    >>> encoding.likelihood
    'table:1,2'
    """

    def __init__(
        self,
        categorical: Sequence[int] | None = None,
        columns: list[dict[str, Any]] | None = None,
        **kwargs: Any,
    ):
        super().__init__(autocast=False, **kwargs)
        self.categorical = None if categorical is None else tuple(categorical)
        self.columns = columns

    @property
    def likelihood(self) -> str:
        """The likelihood of the encoded rows, see `zoo.likelihood`."""
        columns = self._learnt()
        groups = [len(c["categories"]) for c in columns if "categories" in c]
        return ",".join([f"table:{len(columns) - len(groups)}", *map(str, groups)])

    def adapt(self, data: Any) -> None:
        """Learns the columns.

        Args:
            data: Table `[n, columns]` of numbers or strings.
        """
        data = np.asarray(data)
        if data.ndim != 2 or 0 in data.shape:
            raise ValueError(f"A table has the shape [n, columns]. Received: shape={data.shape}")
        is_text = data.dtype.kind in "OUS"
        if is_text:
            data = as_strings(data).astype(str)
        count = data.shape[1]
        categorical = self.categorical
        if categorical is None:
            categorical = tuple(i for i in range(count) if is_text and not _numeric(data[:, i]))
        if any(not 0 <= i < count for i in categorical):
            raise ValueError(
                f"`categorical` must hold indices of the {count} columns. "
                f"Received: categorical={categorical}"
            )
        self.columns = [
            _categories(data[:, i]) if i in categorical else _moments(_numbers(data[:, i]))
            for i in range(count)
        ]

    def call(self, inputs: Any) -> Any:
        """Encodes rows."""
        columns = self._learnt(inputs.shape)
        numbers, groups = [], []
        for i, column in enumerate(columns):
            values = inputs[:, i : i + 1]
            if "categories" in column:
                known = tf.constant(column["categories"], values.dtype)
                groups.append(tf.cast(values == known, "float32"))
            else:
                if values.dtype == tf.string:
                    text = tf.strings.strip(values)
                    values = tf.strings.to_number(tf.where(text == "", "nan", text))
                values = tf.cast(values, "float32")
                numbers.append((values - column["mean"]) / column["stddev"])
        return tf.concat([*numbers, *groups], axis=-1)

    def draw(self, rows: int = 8, seed: int = 0) -> np.ndarray:
        """Random rows like those that were learnt from, as strings, a tenth of them empty.

        Args:
            rows: How many.
            seed: Of the random generator.

        Returns:
            Strings `[rows, columns]`, dtype object.
        """
        random = np.random.default_rng(seed)
        columns = []
        for column in self._learnt():
            if "categories" in column:
                values = random.choice(np.array(column["categories"]), rows).astype(str)
            else:
                values = random.normal(column["mean"], column["stddev"], rows).round(3).astype(str)
            columns.append(np.where(random.random(rows) < 0.1, "", values))
        return np.stack(columns, axis=1).astype(object)

    def compute_output_spec(self, inputs: Any) -> keras.KerasTensor:
        """One number for each numeric column and for each category."""
        columns = self._learnt(inputs.shape)
        if inputs.dtype == "string":
            self.supports_jit = False  # XLA knows no strings
        width = sum(len(column.get("categories", [0])) for column in columns)
        return keras.KerasTensor((inputs.shape[0], width), "float32")

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor and what was learnt."""
        categorical = None if self.categorical is None else list(self.categorical)
        return {**super().get_config(), "categorical": categorical, "columns": self.columns}

    def _learnt(self, shape: Any = None) -> list[dict[str, Any]]:
        if self.columns is None:
            raise ValueError("A TableEncoding must be adapted to data first: call adapt(table).")
        if shape is not None and (len(shape) != 2 or shape[-1] != len(self.columns)):
            raise ValueError(
                f"The table must have {len(self.columns)} columns, as it had when the encoding "
                f"was adapted. Received: shape={tuple(shape)}"
            )
        return self.columns


def _numbers(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind == "U":
        values = np.where(np.char.strip(values) == "", "nan", values)
    return values.astype("float64")


def _numeric(values: np.ndarray) -> bool:
    try:
        return bool(np.isfinite(_numbers(values)).any())
    except ValueError:
        return False


def _moments(values: np.ndarray) -> dict[str, Any]:
    if np.isnan(values).all():
        return {"mean": 0.0, "stddev": 1.0}
    return {"mean": float(np.nanmean(values)), "stddev": float(np.nanstd(values)) or 1.0}


def as_strings(values: np.ndarray) -> np.ndarray:
    """Array of string objects; of numbers among them as they print, of None and NaN empty ones."""
    if values.dtype.kind != "O":
        return values.astype(object)
    flat = [
        value if isinstance(value, str | bytes) else "" if _is_missing(value) else str(value)
        for value in values.ravel()
    ]
    return np.array(flat, object).reshape(values.shape)


def _is_missing(value: Any) -> bool:
    return value is None or value != value


def _categories(values: np.ndarray) -> dict[str, Any]:
    values = values[values != ""] if values.dtype.kind == "U" else values[~np.isnan(values)]
    if not len(values):
        raise ValueError("A column of categories must hold at least one. Received: an empty one")
    return {"categories": np.unique(values).tolist()}
