"""`LifetimeSparsity`: of a batch, each unit keeps only the examples that excite it most."""

from __future__ import annotations

from typing import Any

import keras

from zoo.layers.selection import largest


@keras.saving.register_keras_serializable(package="zoo")
class LifetimeSparsity(keras.layers.Layer):
    """In training keeps, for each unit, its largest activations over the batch alone.

    Of a batch of n examples each unit keeps `round(rate * n)`, at least one, so that every unit
    learns in every step and none dies. For feature maps `[batch, ..., units]` the maxima of the
    maps compete, and a map that loses is zero as a whole. Outside training the layer does
    nothing.

    Args:
        rate: Share of the examples of a batch that each unit keeps, in (0, 1].
        **kwargs: As for any layer.

    Call arguments:
        inputs: Activations `[batch, ..., units]`, of `relu` units say.
        training: Whether units are limited.

    Raises:
        ValueError: If `rate` is out of range.

    Reference:
        [Makhzani & Frey, Winner-Take-All Autoencoders, 2015](https://arxiv.org/abs/1409.2752)

    Example:
    >>> code = LifetimeSparsity(0.05)(keras.layers.Dense(1000, "relu")(features))
    """

    def __init__(self, rate: float, **kwargs: Any):
        super().__init__(**kwargs)
        if not 0 < rate <= 1:
            raise ValueError(f"`rate` must be in (0, 1]. Received: rate={rate}")
        self.rate = rate

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Zeroes the losers."""
        if not training:
            return inputs
        size = keras.ops.cast(keras.ops.shape(inputs)[0], "float32")
        winners = keras.ops.maximum(keras.ops.round(self.rate * size), 1)
        inner = tuple(range(1, len(inputs.shape) - 1))
        strength = keras.ops.max(inputs, axis=inner, keepdims=True) if inner else inputs
        return keras.ops.where(largest(strength, winners, axis=0), inputs, 0)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """The shape does not change."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "rate": self.rate}
