"""`MaskingCorruption`: sets random components to zero."""

from __future__ import annotations

from typing import Any

import keras

from zoo.layers.corruption import Corruption


@keras.saving.register_keras_serializable(package="zoo")
class MaskingCorruption(Corruption):
    """Sets random components to 0 in training; the others keep their values.

    Unlike `keras.layers.Dropout` it does not scale the components that are left: a pixel that
    is seen is seen as it is.

    Args:
        level: Probability that a component is set to 0, a float in [0, 1] or a schedule.
        seed: Integer seed, or `None`.
        return_mask: As for `Corruption`.
        **kwargs: As for any layer.

    Reference:
        [Vincent et al., Stacked Denoising Autoencoders, 2010](https://jmlr.org/papers/v11/vincent10a.html)

    Example:
    >>> code = encoder(MaskingCorruption(0.25)(images))
    """

    highest = 1.0

    def corrupt(self, inputs: Any, level: Any) -> tuple[Any, Any]:
        """Sets components to 0 with the probability `level`."""
        mask = self.uniform(inputs) < level
        return keras.ops.where(mask, keras.ops.zeros_like(inputs), inputs), mask
