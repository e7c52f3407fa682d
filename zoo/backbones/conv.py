"""`conv`: convolutional trunks, for images of any size and number of channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from zoo.backbones.backbone import Backbone, apply
from zoo.registry import backbone


@backbone("conv")
class Conv(Backbone):
    """Strided convolutions down, transposed convolutions up.

    Every layer halves height and width, rounding up; the decoder crops what rounding added.

    Args:
        input_shape: (height, width, channels).
        likelihood: How reconstructions are judged.
        filters: Filters of the encoder's layers, from the input to the code; none of them for `()`.
        kernel_size: Height and width of the kernels.
        activation: Activation of the hidden layers.

    Raises:
        ValueError: If the input is not an image.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        likelihood: str,
        filters: Sequence[int] = (32, 64),
        kernel_size: int = 3,
        activation: str = "relu",
    ):
        super().__init__(input_shape, likelihood)
        if len(self.input_shape) != 3:
            raise ValueError(
                "The conv backbone wants images of the shape (height, width, channels); for other "
                f"data use backbone='dense'. Received: input_shape={self.input_shape}"
            )
        height, width, channels = self.input_shape
        shrink = 2 ** len(filters)
        top, left = -(-height // shrink), -(-width // shrink)
        deepest = filters[-1] if filters else channels

        def strided(layer: type, units: int, name: str) -> keras.layers.Layer:
            return layer(
                units, kernel_size, strides=2, padding="same", activation=activation, name=name
            )

        self.encoder_layers = [
            *(
                strided(keras.layers.Conv2D, units, f"encoder_conv_{i}")
                for i, units in enumerate(filters)
            ),
            keras.layers.Flatten(name="encoder_flatten"),
        ]
        self.decoder_layers = [
            keras.layers.Dense(top * left * deepest, activation, name="decoder_dense"),
            keras.layers.Reshape((top, left, deepest), name="decoder_reshape"),
            *(
                strided(keras.layers.Conv2DTranspose, units, f"decoder_conv_{i}")
                for i, units in enumerate(reversed(filters))
            ),
            keras.layers.Conv2D(channels, kernel_size, padding="same", name="decoder_output"),
            keras.layers.Cropping2D(
                ((0, top * shrink - height), (0, left * shrink - width)), name="decoder_crop"
            ),
            self.output,
        ]

    def encode(self, x: Any) -> Any:
        """Convolves down and flattens."""
        return apply(self.encoder_layers, x)

    def decode(self, code: Any) -> Any:
        """Projects to the smallest feature map and convolves up."""
        return apply(self.decoder_layers, code)
