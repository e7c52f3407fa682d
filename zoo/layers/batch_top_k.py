"""`BatchTopK`: k active units an example, on average over the batch."""

from __future__ import annotations

from typing import Any

import keras

from zoo.layers.arguments import check_integer, check_number
from zoo.layers.selection import largest


@keras.saving.register_keras_serializable(package="zoo")
class BatchTopK(keras.layers.Layer):
    """In training keeps the `k * batch` largest activations of the whole batch.

    Examples that need more units than others get them. An example's code must not depend on
    what else is in the batch when the model is used: outside training an activation is kept
    where it exceeds a threshold, the moving mean over training of the smallest positive
    activation kept.

    Args:
        k: Mean number of active units per example, a positive integer.
        momentum: Weight of the past in the moving mean of the threshold, in [0, 1).
        **kwargs: As for any layer.

    Call arguments:
        inputs: Non-negative activations `[batch, units]`, of `relu` units say.
        training: Whether the batch competes, and the threshold learns; not if `trainable` is false.

    Raises:
        ValueError: If `k` is not a positive integer or exceeds the number of units, or
            `momentum` is out of range.

    Reference:
        [Bussmann, Leask & Nanda, BatchTopK Sparse Autoencoders,
        2024](https://arxiv.org/abs/2412.06410)

    Example:
    >>> code = BatchTopK(32)(keras.layers.Dense(4096, "relu")(embeddings))
    """

    def __init__(self, k: int, momentum: float = 0.99, **kwargs: Any):
        super().__init__(**kwargs)
        check_integer("k", k)
        check_number("momentum", momentum, "in [0, 1)", lambda x: 0 <= x < 1)
        self.k = k
        self.momentum = momentum

    def build(self, input_shape: tuple) -> None:
        """Creates the threshold; below zero it has not learnt yet."""
        if self.k > input_shape[-1]:
            raise ValueError(
                f"`k` must not exceed the number of units, {input_shape[-1]}. Received: k={self.k}"
            )
        self.threshold = self.add_weight(
            shape=(),
            dtype="float32",
            autocast=False,
            initializer=keras.initializers.Constant(-1.0),
            trainable=False,
            name="threshold",
        )
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Zeroes what is too small."""
        training = training and self.trainable  # frozen, as batch normalisation is
        ops = keras.ops
        x = ops.cast(inputs, "float32")
        if not training:
            return ops.where(x > ops.maximum(self.threshold, 0.0), inputs, 0)
        kept = ops.reshape(
            largest(ops.reshape(x, (-1,)), self.k * ops.shape(x)[0]), (-1, x.shape[-1])
        )
        kept = ops.logical_and(kept, x > 0)
        smallest = ops.stop_gradient(ops.min(ops.where(kept, x, float("inf"))))
        moved = self.threshold + (1 - self.momentum) * (smallest - self.threshold)
        moved = ops.where(self.threshold < 0, smallest, moved)
        self.threshold.assign(ops.where(ops.any(kept), moved, self.threshold))
        return ops.where(kept, inputs, 0)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """The shape does not change."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "k": self.k, "momentum": self.momentum}
