"""`GaussianCorruption`: additive Gaussian noise of a fixed or scheduled level."""

from __future__ import annotations

from typing import Any

import keras

from zoo.layers.corruption import Corruption


@keras.saving.register_keras_serializable(package="zoo")
class GaussianCorruption(Corruption):
    """Adds Gaussian noise in training.

    Unlike `keras.layers.GaussianNoise` its level may exceed 1 and may change while training
    goes on. Every component counts as corrupted.

    Args:
        level: Standard deviation of the noise, a non-negative float or a schedule.
        seed: Integer seed, or `None`.
        return_mask: As for `Corruption`.
        **kwargs: As for any layer.

    Reference:
        [Vincent et al., Stacked Denoising Autoencoders, 2010](https://jmlr.org/papers/v11/vincent10a.html)

    Example:
    >>> code = encoder(GaussianCorruption(0.3)(images))
    """

    def corrupt(self, inputs: Any, level: Any) -> tuple[Any, Any]:
        """Adds noise of the standard deviation `level`."""
        noise = keras.random.normal(
            keras.ops.shape(inputs), dtype=inputs.dtype, seed=self.seed_generator
        )
        noisy = inputs + keras.ops.cast(level, inputs.dtype) * noise
        return noisy, keras.ops.ones_like(inputs, dtype="bool")
