"""`TableOutput`: numbers as they are, and probabilities of the categories of each column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras


@keras.saving.register_keras_serializable(package="zoo")
class TableOutput(keras.layers.Layer):
    """Passes numeric columns on and applies a softmax to each group of categories.

    Args:
        numeric: Number of numeric columns, which come first.
        groups: Number of categories of each column that follows.
        **kwargs: As for any layer.

    Call arguments:
        inputs: Tensor `[batch, numeric + sum(groups)]`.

    Returns:
        Tensor of the same shape.

    See also: `TableEncoding`, which makes such rows of raw tables.

    Example:
    >>> reconstruction = TableOutput(2, [3])(keras.layers.Dense(5)(code))
    """

    def __init__(self, numeric: int, groups: Sequence[int], **kwargs: Any):
        super().__init__(**kwargs)
        self.numeric = numeric
        self.groups = tuple(groups)

    def build(self, input_shape: tuple) -> None:
        """Checks the width."""
        width = self.numeric + sum(self.groups)
        if input_shape[-1] != width:
            raise ValueError(
                f"The rows must have numeric + sum(groups) = {width} columns. "
                f"Received: shape={tuple(input_shape)}"
            )
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Applies a softmax to each group."""
        parts = [inputs[:, : self.numeric]]
        start = self.numeric
        for size in self.groups:
            group = inputs[:, start : start + size]
            # A category without others is certain, and Keras warns of a softmax of one.
            parts.append(
                keras.ops.softmax(group, axis=-1) if size > 1 else keras.ops.ones_like(group)
            )
            start += size
        return keras.ops.concatenate(parts, axis=-1)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """The shape does not change."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "numeric": self.numeric, "groups": list(self.groups)}
