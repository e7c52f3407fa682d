"""`GaussianSampling`: a draw from the Gaussian that an encoder describes."""

from __future__ import annotations

from typing import Any

import keras

from zoo.layers.arguments import check_pair


@keras.saving.register_keras_serializable(package="zoo")
class GaussianSampling(keras.layers.Layer):
    """Draws `mean + exp(log_variance / 2) * noise` in training; the mean otherwise.

    Args:
        seed: Integer seed of the noise, or `None`.
        **kwargs: As for any layer.

    Call arguments:
        inputs: `[mean, log_variance]`, each `[batch, ...]`.
        training: Whether to draw.

    Returns:
        Tensor of the shape of the mean.

    Reference:
        [Kingma & Welling, Auto-Encoding Variational Bayes, 2013](https://arxiv.org/abs/1312.6114)

    Example:
    >>> z = GaussianSampling()([mean, log_variance])
    """

    def __init__(self, seed: int | None = None, **kwargs: Any):
        super().__init__(autocast=False, **kwargs)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Draws, in float32 whatever the policy."""
        check_pair(inputs, "[mean, log_variance]")
        mean, log_variance = (keras.ops.cast(x, "float32") for x in inputs)
        if training:
            noise = keras.random.normal(keras.ops.shape(mean), seed=self.seed_generator)
            mean += keras.ops.exp(log_variance / 2) * noise
        return keras.ops.cast(mean, self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        """That of the mean."""
        return tuple(input_shape[0])

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "seed": self.seed}
