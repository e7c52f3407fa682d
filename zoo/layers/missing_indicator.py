"""`MissingIndicator`: fills what is missing and says where something was observed."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="zoo")
class MissingIndicator(keras.layers.Layer):
    """Replaces NaN by a number and appends the mask of observed components to the last axis.

    Args:
        fill: What stands in for missing values.
        return_mask: Whether to return the mask as a second tensor instead.
        **kwargs: As for any layer.

    Call arguments:
        inputs: Tensor `[batch, ..., n]` with NaN where nothing was observed.

    Returns:
        Tensor `[batch, ..., 2 * n]`: the values, then 1 where they were observed and 0 elsewhere.
        With `return_mask` two tensors of the inputs' shape.

    Example:
    >>> keras.ops.convert_to_numpy(MissingIndicator()(keras.ops.array([[3.0, float("nan")]])))
    array([[3., 0., 1., 0.]], dtype=float32)
    """

    def __init__(self, fill: float = 0.0, return_mask: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.fill = fill
        self.return_mask = return_mask

    def call(self, inputs: Any) -> Any:
        """Fills, and appends or returns the mask."""
        observed = keras.ops.logical_not(keras.ops.isnan(inputs))
        values = keras.ops.where(observed, inputs, keras.ops.full_like(inputs, self.fill))
        mask = keras.ops.cast(observed, values.dtype)
        if self.return_mask:
            return values, mask
        return keras.ops.concatenate([values, mask], axis=-1)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Twice as many components, or twice the shape."""
        if self.return_mask:
            return input_shape, input_shape
        return (*input_shape[:-1], 2 * input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        own = {"fill": self.fill, "return_mask": self.return_mask}
        return {**super().get_config(), **own}
