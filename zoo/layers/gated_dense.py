"""`GatedDense`: one dense layer that decides apart which units are active, and how much."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="zoo")
class GatedDense(keras.layers.Layer):
    """Dense units with a gate of their own: `1[gate > 0] * relu(magnitude)`.

    Gate and magnitude share the kernel up to a positive factor per unit:
    `gate = x W + b_gate` and `magnitude = exp(r) * (x W) + b_magnitude`. A sparsity penalty on
    `relu(gate)` then decides what is active without shrinking the activations.

    No gradient passes the step: the gate learns from what is made of the second output.

    Args:
        units: Number of units.
        kernel_regularizer: As for `keras.layers.Dense`.
        **kwargs: As for any layer.

    Call arguments:
        inputs: Tensor `[batch, ..., features]`.

    Returns:
        The activations and the gates' pre-activations, both `[batch, ..., units]`.

    Raises:
        ValueError: If `units` is not a positive integer.

    Reference:
        [Rajamanoharan et al., Improving Dictionary Learning with Gated Sparse Autoencoders,
        2024](https://arxiv.org/abs/2404.16014)

    Example:
    >>> code, gate = GatedDense(4096)(embeddings)
    >>> code = L1Penalty(1e-3)([code, keras.ops.relu(gate)])
    """

    def __init__(self, units: int, kernel_regularizer: Any = None, **kwargs: Any):
        super().__init__(**kwargs)
        if not isinstance(units, int) or units < 1:
            raise ValueError(f"`units` must be a positive integer. Received: units={units!r}")
        self.units = units
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)

    def build(self, input_shape: tuple) -> None:
        """Creates the shared kernel, both biases and the factor."""
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.units),
            initializer="glorot_uniform",
            regularizer=self.kernel_regularizer,
            name="kernel",
        )
        shape = (self.units,)
        self.gate_bias = self.add_weight(shape=shape, initializer="zeros", name="gate_bias")
        self.bias = self.add_weight(shape=shape, initializer="zeros", name="bias")
        self.log_scale = self.add_weight(shape=shape, initializer="zeros", name="log_scale")
        self.built = True

    def call(self, inputs: Any) -> tuple[Any, Any]:
        """Activations and gates."""
        projected = keras.ops.matmul(inputs, self.kernel)
        gate = projected + self.gate_bias
        magnitude = keras.ops.relu(keras.ops.exp(self.log_scale) * projected + self.bias)
        return keras.ops.where(gate > 0, magnitude, 0), gate

    def reset_units(self, chosen: Any) -> None:
        """Sets the factor and the biases of the chosen units, booleans `[units]`, to 0."""
        for weight in (self.gate_bias, self.bias, self.log_scale):
            weight.assign(keras.ops.where(chosen, 0.0, weight))

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Twice the shape of a dense layer's output."""
        shape = (*input_shape[:-1], self.units)
        return shape, shape

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        regularizer = keras.regularizers.serialize(self.kernel_regularizer)
        return {**super().get_config(), "units": self.units, "kernel_regularizer": regularizer}
