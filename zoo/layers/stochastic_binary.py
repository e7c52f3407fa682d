"""`StochasticBinary`: bits drawn with the probabilities of a code, straight through."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="zoo")
class StochasticBinary(keras.layers.Layer):
    """Replaces probabilities by bits: drawn in training, by the threshold 0.5 otherwise.

    Outputs are exactly 0 and 1; the gradient passes as if they were the probabilities.

    Args:
        seed: Integer seed of the draws, or `None`.
        **kwargs: As for any layer.

    Call arguments:
        inputs: Probabilities `[batch, ...]`.
        training: Whether to draw.

    Reference:
        [Bengio, Léonard & Courville, Estimating or Propagating Gradients Through Stochastic
        Neurons, 2013](https://arxiv.org/abs/1308.3432)

    Example:
    >>> bits = StochasticBinary()(keras.layers.Dense(64, "sigmoid")(features))
    """

    def __init__(self, seed: int | None = None, **kwargs: Any):
        super().__init__(autocast=False, **kwargs)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Draws or rounds."""
        x = keras.ops.cast(inputs, "float32")
        threshold: Any = 0.5
        if training:
            threshold = keras.random.uniform(keras.ops.shape(x), seed=self.seed_generator)
        bits = keras.ops.cast(x > threshold, "float32")
        return keras.ops.cast(bits + (x - keras.ops.stop_gradient(x)), self.compute_dtype)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """The shape does not change."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "seed": self.seed}
