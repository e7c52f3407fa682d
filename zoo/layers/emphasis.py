"""`Emphasis`: weights of the components of a loss, by whether they were corrupted."""

from __future__ import annotations

from typing import Any

import keras

from zoo.layers.arguments import is_number


@keras.saving.register_keras_serializable(package="zoo")
class Emphasis(keras.layers.Layer):
    """Turns a mask of corrupted components into their weights in the training loss.

    Outside training, where nothing is corrupted, every weight is 1.

    Args:
        corrupted: Weight of corrupted components, not negative. Vincent et al. take 1.
        others: Weight of all others, not negative: 0 for full emphasis, 0.5 for their double
            emphasis.
        **kwargs: As for any layer.

    Call arguments:
        inputs: Mask `[batch, ...]`, 1 for corrupted components and 0 for others.
        training: Whether to emphasise.

    Raises:
        ValueError: If a weight is no number or negative, or both are 0.

    Reference:
        [Vincent et al., Stacked Denoising Autoencoders, 2010](https://jmlr.org/papers/v11/vincent10a.html),
        section 4.2

    Example:
    >>> corrupted, mask = MaskingCorruption(0.25, return_mask=True)(images)
    >>> weights = Emphasis(corrupted=1.0, others=0.5)(mask)
    """

    def __init__(self, corrupted: float = 1.0, others: float = 0.5, **kwargs: Any):
        super().__init__(**kwargs)
        weights = (corrupted, others)
        if not all(map(is_number, weights)) or min(weights) < 0 or max(weights) == 0:
            raise ValueError(
                "The weights of an emphasis must be numbers, not negative, nor both 0. "
                f"Received: corrupted={corrupted!r}, others={others!r}"
            )
        self.corrupted = corrupted
        self.others = others

    def call(self, inputs: Any, training: bool = False) -> Any:
        """The weight of each component."""
        if not training:
            return keras.ops.ones_like(inputs)
        return self.others + (self.corrupted - self.others) * inputs

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """The shape does not change."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "corrupted": self.corrupted, "others": self.others}
