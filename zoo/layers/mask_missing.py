"""`MaskMissing`: a mask of what was observed, given apart, becomes NaN."""

from __future__ import annotations

from typing import Any

import keras

from zoo.layers.arguments import check_pair


@keras.saving.register_keras_serializable(package="zoo")
class MaskMissing(keras.layers.Layer):
    """Sets components to NaN, "not observed", where a mask says so.

    Call arguments:
        inputs: `[values, observed]`, tensors of one shape; a component counts as observed where
            `observed` is not 0 and the value is not NaN.

    Returns:
        The values, NaN where they were not observed.

    Example:
    >>> values, observed = keras.ops.array([[3.0, 4.0]]), keras.ops.array([[1.0, 0.0]])
    >>> keras.ops.convert_to_numpy(MaskMissing()([values, observed]))
    array([[ 3., nan]], dtype=float32)
    """

    def call(self, inputs: Any) -> Any:
        """Sets NaN."""
        check_pair(inputs, "[values, observed]")
        values, observed = inputs
        missing = keras.ops.full_like(values, float("nan"))
        return keras.ops.where(keras.ops.cast(observed, "bool"), values, missing)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        """The shape of the values."""
        return tuple(input_shape[0])
