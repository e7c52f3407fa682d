"""`MaskPadding`: steps of nothing but NaN are padding, and later layers skip them."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="zoo")
class MaskPadding(keras.layers.Layer):
    """Replaces NaN by 0 and masks the steps of a sequence that hold nothing else.

    Unlike `keras.layers.Masking` no number is lost as a mark: 0 stays a value.

    Call arguments:
        inputs: Sequences `[batch, steps, features]`.

    Returns:
        Tensor of the same shape without NaN, with the mask attached as Keras does.

    Example:
    >>> code = keras.layers.GRU(32)(MaskPadding()(sequences))
    """

    def call(self, inputs: Any) -> Any:
        """Fills with 0."""
        return keras.ops.where(keras.ops.isnan(inputs), keras.ops.zeros_like(inputs), inputs)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """True for steps with at least one value, bool `[batch, steps]`."""
        return keras.ops.any(keras.ops.logical_not(keras.ops.isnan(inputs)), axis=-1)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """The shape does not change."""
        return input_shape
