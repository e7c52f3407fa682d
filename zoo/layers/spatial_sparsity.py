"""`SpatialSparsity`: of each feature map only the largest activation is kept."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="zoo")
class SpatialSparsity(keras.layers.Layer):
    """Keeps the one largest activation of every feature map of every example.

    Of equal ones the first is kept.

    Call arguments:
        inputs: Feature maps `[batch, ..., maps]` with at least one spatial axis.

    Raises:
        ValueError: If the inputs have no spatial axis.

    Reference:
        [Makhzani & Frey, Winner-Take-All Autoencoders, 2015](https://arxiv.org/abs/1409.2752),
        section 3

    Example:
    >>> maps = SpatialSparsity()(keras.layers.Conv2D(64, 5, padding="same")(images))
    """

    def build(self, input_shape: tuple) -> None:
        """Checks the shape."""
        if len(input_shape) < 3:
            raise ValueError(
                "Feature maps must have the shape [batch, ..., maps] with a spatial axis. "
                f"Received: shape={tuple(input_shape)}"
            )
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Zeroes all but the largest."""
        places = 1
        for dim in inputs.shape[1:-1]:
            places *= dim
        maps = keras.ops.reshape(inputs, (-1, places, inputs.shape[-1]))
        order = keras.ops.reshape(keras.ops.arange(places), (1, -1, 1))
        winner = order == keras.ops.argmax(maps, axis=1, keepdims=True)
        kept = keras.ops.where(winner, maps, 0)
        return keras.ops.reshape(kept, (-1, *inputs.shape[1:]))

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """The shape does not change."""
        return input_shape
