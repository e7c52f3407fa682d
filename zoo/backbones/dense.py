"""`dense`: fully connected trunks, for vectors and small images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras

from zoo.backbones.backbone import Backbone, apply
from zoo.registry import backbone


@backbone("dense")
class Dense(Backbone):
    """Fully connected trunks; the decoder mirrors the encoder.

    Args:
        input_shape: Any shape; inputs are flattened.
        likelihood: How reconstructions are judged.
        hidden: Units of the encoder's layers, from the input to the code.
        activation: Activation of the hidden layers.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        likelihood: str,
        hidden: Sequence[int] = (512, 256),
        activation: str = "relu",
    ):
        super().__init__(input_shape, likelihood)
        self.encoder_layers = [
            keras.layers.Flatten(name="encoder_flatten"),
            *(
                keras.layers.Dense(units, activation, name=f"encoder_dense_{i}")
                for i, units in enumerate(hidden)
            ),
        ]
        self.decoder_layers = [
            *(
                keras.layers.Dense(units, activation, name=f"decoder_dense_{i}")
                for i, units in enumerate(reversed(hidden))
            ),
            keras.layers.Dense(math.prod(self.input_shape), name="decoder_output"),
            keras.layers.Reshape(self.input_shape, name="decoder_reshape"),
            self.output,
        ]

    def encode(self, x: Any) -> Any:
        """Flattens and applies the hidden layers."""
        return apply(self.encoder_layers, x)

    def decode(self, code: Any) -> Any:
        """Applies the hidden layers in reverse order and restores the shape."""
        return apply(self.decoder_layers, code)
