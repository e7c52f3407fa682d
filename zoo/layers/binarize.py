"""`Binarize`: activations to bits, one threshold per bit."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np


@keras.saving.register_keras_serializable(package="zoo")
class Binarize(keras.layers.Layer):
    """Turns code activations into bits: a bit is 1 where its activation exceeds its threshold.

    The thresholds are weights that no gradient changes. They start at `threshold` and may be
    adapted to data: to the median of each unit, which balances the bits.

    Args:
        threshold: The initial threshold of every bit, a float.
        **kwargs: As for any layer.

    Call arguments:
        inputs: Activations `[batch, bits]`.

    Returns:
        Tensor of 0 and 1 in the layer's compute dtype, `[batch, bits]`.

    Example:
    >>> binarize = Binarize()
    >>> binarize.adapt(encoder.predict(images))
    >>> bits = binarize(encoder(images))
    """

    def __init__(self, threshold: float = 0.5, **kwargs: Any):
        # The rule holds on float32 whatever the policy: a rounded activation flips bits.
        super().__init__(autocast=False, **kwargs)
        self.threshold = threshold

    def build(self, input_shape: tuple) -> None:
        """Creates the thresholds."""
        self.thresholds = self.add_weight(
            shape=(input_shape[-1],),
            dtype="float32",
            initializer=keras.initializers.Constant(self.threshold),
            trainable=False,
            name="thresholds",
        )
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Compares each activation with its threshold."""
        return keras.ops.cast(self.margin(inputs) > 0, self.compute_dtype)

    def margin(self, inputs: Any) -> Any:
        """Signed distance of each activation from its threshold, float32 `[batch, bits]`."""
        return keras.ops.cast(inputs, "float32") - self.thresholds

    def adapt(self, activations: np.ndarray) -> None:
        """Sets each threshold to the median of its unit.

        Args:
            activations: Code activations of training data, `[n, bits]`.

        Raises:
            ValueError: If there are no rows, a wrong number of columns, or NaN.
        """
        activations = np.asarray(activations, "float32")
        if activations.ndim != 2 or 0 in activations.shape:
            raise ValueError(
                "`activations` must have the shape [n, bits] with at least one row. "
                f"Received: shape={activations.shape}"
            )
        if not np.isfinite(activations).all():
            raise ValueError("`activations` must be finite. Received: NaN or infinity")
        if not self.built:
            self.build(activations.shape)
        self.thresholds.assign(np.median(activations, axis=0))

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """The shape does not change."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "threshold": self.threshold}
