"""`TopK`: the k largest units of each code are kept, the others are zero."""

from __future__ import annotations

from typing import Any

import keras

from zoo.layers.arguments import check_integer
from zoo.layers.schedules import (
    add_step,
    advance,
    current,
    read_schedule,
    write_schedule,
)
from zoo.layers.selection import largest


@keras.saving.register_keras_serializable(package="zoo")
class TopK(keras.layers.Layer):
    """Keeps the `k` largest units of each example and sets all others to zero.

    Exactly `k` units are kept: of equal ones the first. The gradient passes through those.

    Args:
        k: Number of units kept, a positive integer.
        training_k: Number kept in training, if it differs: an integer, or a schedule of the
            training step (`keras.optimizers.schedules`), rounded and kept between 1 and the
            number of units. Starting with many keeps units from dying early.
        **kwargs: As for any layer.

    Call arguments:
        inputs: Pre-activations `[..., units]`.
        training: Whether to keep `training_k` units.

    Raises:
        ValueError: If `k` is not a positive integer or exceeds the number of units.

    Reference:
        [Makhzani & Frey, k-Sparse Autoencoders, 2013](https://arxiv.org/abs/1312.5663)

    Example:
    >>> keras.ops.convert_to_numpy(TopK(2)(keras.ops.array([[1.0, -5.0, 3.0, 2.0]])))
    array([[0., 0., 3., 2.]], dtype=float32)
    """

    def __init__(self, k: int, training_k: Any = None, **kwargs: Any):
        super().__init__(**kwargs)
        check_integer("k", k)
        self.k = k
        self.training_k = None
        if training_k is not None:
            self.training_k = read_schedule(training_k, "training_k", minimum=1)
        self.supports_masking = True

    def build(self, input_shape: tuple) -> None:
        """Creates the step counter, if there is a schedule."""
        if self.k > input_shape[-1]:
            raise ValueError(
                f"`k` must not exceed the number of units, {input_shape[-1]}. Received: k={self.k}"
            )
        self.units = input_shape[-1]
        add_step(self, self.training_k)
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Zeroes all but the largest."""
        k = self.k
        if training and self.training_k is not None:
            k = self.current_k()
            advance(self, training)
        if isinstance(k, int) and k == inputs.shape[-1]:
            return inputs
        return keras.ops.where(largest(inputs, k), inputs, keras.ops.zeros_like(inputs))

    def current_k(self) -> Any:
        """The number of units that the present step of training keeps, an int32 scalar."""
        k = self.k if self.training_k is None else self.training_k
        return keras.ops.cast(
            keras.ops.clip(keras.ops.round(current(self, k)), 1, self.units), "int32"
        )

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """The shape does not change."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {
            **super().get_config(),
            "k": self.k,
            "training_k": write_schedule(self.training_k),
        }
