"""`JumpReLU`: zero up to a learnt threshold, the identity above it."""

from __future__ import annotations

import math
from typing import Any

import keras

from zoo.layers.arguments import check_number


@keras.saving.register_keras_serializable(package="zoo")
class JumpReLU(keras.layers.Layer):
    """A rectifier with a positive threshold per unit: `x * 1[x > threshold]`.

    The function is flat in the threshold, so thresholds learn by straight-through estimates,
    which spread each jump over a window of width `bandwidth` around it:

    - of the activation, `-threshold / bandwidth` where `|x - threshold| < bandwidth / 2`;
    - of the second output, whether the unit is active, `-1 / bandwidth` there, so that the
      number of active units itself can be penalised.

    With respect to the inputs the gradient is the ordinary one: 1 above the threshold, 0 below,
    and 0 for the second output.

    Args:
        threshold: Initial threshold of every unit, positive, in units of the activations.
        bandwidth: Width of the window, positive. The paper takes 0.001 for both, for data of
            unit scale and billions of examples; fewer examples want more.
        **kwargs: As for any layer.

    Call arguments:
        inputs: Pre-activations `[batch, ..., units]`.

    Returns:
        The activations, and float32 1 or 0 for active or not, both of the inputs' shape.

    Raises:
        ValueError: If `threshold` or `bandwidth` is not positive.

    Reference:
        [Rajamanoharan et al., Jumping Ahead: Improving Reconstruction Fidelity with JumpReLU
        Sparse Autoencoders, 2024](https://arxiv.org/abs/2407.14435)

    Example:
    >>> code, active = JumpReLU()(keras.layers.Dense(4096)(embeddings))
    >>> code = L1Penalty(1e-3)([code, active])
    """

    def __init__(self, threshold: float = 0.1, bandwidth: float = 0.1, **kwargs: Any):
        # The window is narrow against the steps of half precision.
        super().__init__(autocast=False, **kwargs)
        for name, value in (("threshold", threshold), ("bandwidth", bandwidth)):
            check_number(name, value, "positive", lambda x: x > 0)
        self.initial_threshold = threshold
        self.bandwidth = bandwidth

    def build(self, input_shape: tuple) -> None:
        """Creates the thresholds, as logarithms, so that they stay positive."""
        self.log_threshold = self.add_weight(
            shape=(input_shape[-1],),
            dtype="float32",
            autocast=False,
            initializer=keras.initializers.Constant(math.log(self.initial_threshold)),
            name="log_threshold",
        )
        self.built = True

    @property
    def threshold(self) -> Any:
        """The present thresholds, float32 `[units]`."""
        return keras.ops.exp(self.log_threshold)

    def call(self, inputs: Any) -> tuple[Any, Any]:
        """Activations, and which units are active."""
        ops = keras.ops
        x = ops.cast(inputs, "float32")
        threshold = self.threshold
        fixed = ops.stop_gradient(threshold)
        active = ops.cast(x > fixed, "float32")
        inside = ops.cast(ops.abs(x - fixed) < self.bandwidth / 2, "float32")
        # Zero, with the gradient of the jump: the window over its width.
        change = ops.stop_gradient(inside) / self.bandwidth * (threshold - fixed)
        return ops.cast(x * active - fixed * change, self.compute_dtype), active - change

    def reset_units(self, chosen: Any) -> None:
        """Sets the thresholds of the chosen units, booleans `[units]`, to the initial one."""
        start = math.log(self.initial_threshold)
        self.log_threshold.assign(keras.ops.where(chosen, start, self.log_threshold))

    def compute_output_spec(self, inputs: Any) -> tuple[Any, Any]:
        """Two tensors of the inputs' shape."""
        return (
            keras.KerasTensor(inputs.shape, self.compute_dtype),
            keras.KerasTensor(inputs.shape, "float32"),
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {
            **super().get_config(),
            "threshold": self.initial_threshold,
            "bandwidth": self.bandwidth,
        }
