"""`LifetimeSparsity`: of a batch, each unit keeps only the examples that excite it most."""

from __future__ import annotations

from typing import Any

import keras

from zoo.layers.arguments import check_number
from zoo.layers.selection import largest


@keras.saving.register_keras_serializable(package="zoo")
class LifetimeSparsity(keras.layers.Layer):
    """In training keeps, for each unit, its largest activations over the batch alone.

    Of a batch of n examples each unit keeps `round(rate * n)`, at least one, so that every unit
    learns in every step and none dies. For feature maps `[batch, ..., units]` the maxima of the
    maps compete, and a map that loses is zero as a whole. What becomes of an example must not
    depend on what else is in the batch when the model is used: outside training a unit is kept
    where it exceeds a threshold of its own, the moving mean over training of its smallest winner.

    Args:
        rate: Share of the examples of a batch that each unit keeps, in (0, 1].
        momentum: Weight of the past in the moving means of the thresholds, in [0, 1).
        **kwargs: As for any layer.

    Call arguments:
        inputs: Non-negative activations `[batch, ..., units]`, of `relu` units say.
        training: Whether the batch competes, and the thresholds learn; not if `trainable` is false.

    Raises:
        ValueError: If `rate` or `momentum` is out of range.

    Reference:
        [Makhzani & Frey, Winner-Take-All Autoencoders, 2015](https://arxiv.org/abs/1409.2752)

    Example:
    >>> code = LifetimeSparsity(0.05)(keras.layers.Dense(1000, "relu")(features))
    """

    def __init__(self, rate: float, momentum: float = 0.99, **kwargs: Any):
        super().__init__(**kwargs)
        check_number("rate", rate, "in (0, 1]", lambda x: 0 < x <= 1)
        check_number("momentum", momentum, "in [0, 1)", lambda x: 0 <= x < 1)
        self.rate = rate
        self.momentum = momentum

    def build(self, input_shape: tuple) -> None:
        """Creates the thresholds; below zero they have not learnt yet."""
        self.threshold = self.add_weight(
            shape=(input_shape[-1],),
            dtype="float32",
            autocast=False,
            initializer=keras.initializers.Constant(-1.0),
            trainable=False,
            name="threshold",
        )
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Zeroes the losers."""
        training = training and self.trainable  # frozen, as batch normalisation is
        ops = keras.ops
        inner = tuple(range(1, len(inputs.shape) - 1))
        strength = ops.max(inputs, axis=inner, keepdims=True) if inner else inputs
        strength = ops.cast(strength, "float32")
        if not training:
            return ops.where(strength > ops.maximum(self.threshold, 0.0), inputs, 0)
        winners = ops.maximum(ops.round(self.rate * ops.cast(ops.shape(inputs)[0], "float32")), 1)
        kept = largest(strength, winners, axis=0)
        smallest = ops.min(ops.where(kept, strength, float("inf")), axis=(0, *inner))
        moved = self.threshold + (1 - self.momentum) * (smallest - self.threshold)
        self.threshold.assign(ops.where(self.threshold < 0, smallest, moved))
        return ops.where(kept, inputs, 0)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """The shape does not change."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "rate": self.rate, "momentum": self.momentum}
