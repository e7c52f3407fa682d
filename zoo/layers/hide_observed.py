"""`HideObserved`: hides observed values at random, beyond those that are missing."""

from __future__ import annotations

from typing import Any

import keras

from zoo.layers.corruption import Corruption


@keras.saving.register_keras_serializable(package="zoo")
class HideObserved(Corruption):
    """Sets random components to NaN, "not observed", in training.

    Args:
        level: Probability that an observed component is hidden, a float in [0, 1] or a schedule.
        seed: Integer seed, or `None`.
        return_mask: As for `Corruption`.
        **kwargs: As for any layer.

    Reference:
        [Vincent et al., Stacked Denoising Autoencoders, 2010](https://jmlr.org/papers/v11/vincent10a.html)

    Example:
    >>> values_and_mask = MissingIndicator()(HideObserved(0.3)(inputs))
    """

    highest = 1.0

    def corrupt(self, inputs: Any, level: Any) -> tuple[Any, Any]:
        """Hides components with the probability `level`."""
        mask = self.uniform(inputs) < level
        hidden = keras.ops.full_like(inputs, float("nan"))
        return keras.ops.where(mask, hidden, inputs), mask
