"""`PositionEmbedding`: a learned vector for each place."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="zoo")
class PositionEmbedding(keras.layers.Layer):
    """Adds a learned vector to each token, one for each place.

    Call arguments:
        inputs: Tokens `[batch, tokens, features]`.

    Returns:
        Tensor of the same shape.

    Reference:
        [Dosovitskiy et al., An Image is Worth 16x16 Words, 2021](https://arxiv.org/abs/2010.11929)

    Example:
    >>> tokens = PositionEmbedding()(keras.layers.Dense(64)(patches))
    """

    def build(self, input_shape: tuple) -> None:
        """Creates the vectors."""
        self.positions = self.add_weight(
            shape=tuple(input_shape[1:]),
            initializer=keras.initializers.TruncatedNormal(stddev=0.02),
            name="positions",
        )
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Adds the vectors."""
        return inputs + self.positions

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """The shape does not change."""
        return input_shape
