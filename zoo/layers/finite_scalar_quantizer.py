"""`FiniteScalarQuantizer`: each unit is rounded to one of a few levels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras

# The bound lies this much outside of the last levels, so that rounding can reach them.
SLACK = 1e-3


@keras.saving.register_keras_serializable(package="zoo")
class FiniteScalarQuantizer(keras.layers.Layer):
    """Bounds each unit by tanh and rounds it to one of L levels in [-1, 1], straight through.

    There is no codebook to learn and nothing to collapse: the product of the levels is the
    codebook. Odd L gives `-1, ..., 0, ..., 1`, even L gives `-1, ..., 0, ..., 1 - 2 / L`, as in
    the paper; an input of 0 becomes 0.

    Args:
        levels: Number of levels of every unit, at least 2, or one number for each unit.
        **kwargs: As for any layer.

    Call arguments:
        inputs: Pre-activations `[..., units]`.

    Returns:
        Float32 tensor of the same shape.

    Raises:
        ValueError: If `levels` holds a number below 2, or not one number for each unit.

    Reference:
        [Mentzer et al., Finite Scalar Quantization: VQ-VAE Made Simple,
        2023](https://arxiv.org/abs/2309.15505)

    Example:
    >>> code = FiniteScalarQuantizer([8, 5, 5, 5])(keras.layers.Dense(4)(features))
    """

    def __init__(self, levels: int | Sequence[int] = 5, **kwargs: Any):
        super().__init__(autocast=False, **kwargs)
        wanted = list(levels) if isinstance(levels, Sequence) else [levels]
        if not wanted or any(not isinstance(n, int) or n < 2 for n in wanted):
            raise ValueError(
                f"`levels` must be integers of at least 2. Received: levels={levels!r}"
            )
        self.levels = levels if isinstance(levels, int) else wanted

    def build(self, input_shape: tuple) -> None:
        """Checks that there is a number for each unit."""
        if isinstance(self.levels, list) and len(self.levels) != input_shape[-1]:
            raise ValueError(
                f"`levels` must be one number, or one for each of the {input_shape[-1]} units. "
                f"Received: levels={self.levels}"
            )
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Bounds and rounds."""
        levels = self.levels if isinstance(self.levels, list) else [self.levels]
        half = keras.ops.array([(n - 1) * (1 + SLACK) / 2 for n in levels], "float32")
        offset = keras.ops.array([0.5 * (n % 2 == 0) for n in levels], "float32")
        # The input that the offset moves to 0.
        shift = keras.ops.array(
            [math.atanh((n % 2 == 0) / ((n - 1) * (1 + SLACK))) for n in levels], "float32"
        )
        x = keras.ops.tanh(keras.ops.cast(inputs, "float32") + shift) * half - offset
        rounded = keras.ops.stop_gradient(keras.ops.round(x))
        width = keras.ops.array([n // 2 for n in levels], "float32")
        return (rounded + (x - keras.ops.stop_gradient(x))) / width

    def compute_output_spec(self, inputs: Any) -> Any:
        """The inputs' shape."""
        return keras.KerasTensor(inputs.shape, "float32")

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "levels": self.levels}
