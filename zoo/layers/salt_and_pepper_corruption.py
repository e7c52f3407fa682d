"""`SaltAndPepperCorruption`: sets random components to their lowest or highest value."""

from __future__ import annotations

from typing import Any

import keras

from zoo.layers.corruption import Corruption


@keras.saving.register_keras_serializable(package="zoo")
class SaltAndPepperCorruption(Corruption):
    """Sets random components to `low` or `high`, by a fair coin, in training.

    Args:
        level: Probability that a component is set, a float in [0, 1] or a schedule.
        low: The lowest value of the data.
        high: The highest value of the data.
        seed: Integer seed, or `None`.
        return_mask: As for `Corruption`.
        **kwargs: As for any layer.

    Reference:
        [Vincent et al., Stacked Denoising Autoencoders, 2010](https://jmlr.org/papers/v11/vincent10a.html)

    Example:
    >>> code = encoder(SaltAndPepperCorruption(0.25)(images))
    """

    highest = 1.0

    def __init__(
        self,
        level: float | keras.optimizers.schedules.LearningRateSchedule,
        low: float = 0.0,
        high: float = 1.0,
        seed: int | None = None,
        return_mask: bool = False,
        **kwargs: Any,
    ):
        super().__init__(level, seed=seed, return_mask=return_mask, **kwargs)
        self.low = low
        self.high = high

    def corrupt(self, inputs: Any, level: Any) -> tuple[Any, Any]:
        """Sets components with the probability `level`."""
        # One number decides both: below level/2 is pepper, from there to level salt.
        draw = self.uniform(inputs)
        mask = draw < level
        spoiled = keras.ops.where(draw < level / 2, self.low, self.high)
        return keras.ops.where(mask, keras.ops.cast(spoiled, inputs.dtype), inputs), mask

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "low": self.low, "high": self.high}
