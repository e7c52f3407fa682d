"""`resnet`: residual convolutional trunks, for images that want deeper networks than `conv`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from zoo.backbones.backbone import Backbone
from zoo.registry import backbone


@backbone("resnet")
class ResNet(Backbone):
    """Pre-activation residual blocks, halving the image down and doubling it up.

    Normalised by groups, not by batches: an example's code depends on no other example.

    Args:
        input_shape: (height, width, channels), any size.
        likelihood: How reconstructions are judged.
        filters: Filters of the encoder's stages, from the input to the code; each stage halves
            height and width, rounding up.
        blocks: Residual blocks of each stage.

    Raises:
        ValueError: If the input is not an image or there is no stage.

    Reference:
        [He et al., Identity Mappings in Deep Residual Networks,
        2016](https://arxiv.org/abs/1603.05027); [Wu & He, Group Normalization,
        2018](https://arxiv.org/abs/1803.08494)
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        likelihood: str,
        filters: Sequence[int] = (32, 64),
        blocks: int = 1,
    ):
        super().__init__(input_shape, likelihood)
        if len(self.input_shape) != 3:
            raise ValueError(
                "The resnet backbone wants images of the shape (height, width, channels); for "
                f"other data use backbone='dense'. Received: input_shape={self.input_shape}"
            )
        if not filters:
            raise ValueError(f"`filters` must name at least one stage. Received: filters={filters}")
        height, width, channels = self.input_shape
        shrink = 2 ** len(filters)
        top, left = -(-height // shrink), -(-width // shrink)
        layers = keras.layers
        self.encoder_stages = [
            (
                layers.Conv2D(size, 3, strides=2, padding="same", name=f"encoder_down_{i}"),
                [_block(size, f"encoder_{i}_{j}") for j in range(blocks)],
            )
            for i, size in enumerate(filters)
        ]
        self.flatten = layers.Flatten(name="encoder_flatten")
        self.decoder_head = layers.Dense(top * left * filters[-1], name="decoder_dense")
        self.decoder_reshape = layers.Reshape((top, left, filters[-1]), name="decoder_reshape")
        self.decoder_stages = [
            (
                layers.Conv2DTranspose(size, 3, strides=2, padding="same", name=f"decoder_up_{i}"),
                [_block(size, f"decoder_{i}_{j}") for j in range(blocks)],
            )
            for i, size in enumerate(reversed(filters))
        ]
        self.decoder_output = layers.Conv2D(channels, 3, padding="same", name="decoder_output")
        self.crop = layers.Cropping2D(
            ((0, top * shrink - height), (0, left * shrink - width)), name="decoder_crop"
        )

    def encode(self, x: Any) -> Any:
        """Goes down the stages and flattens."""
        return self.flatten(_climb(self.encoder_stages, x))

    def decode(self, code: Any) -> Any:
        """Projects to the smallest feature map and goes up the stages."""
        x = _climb(self.decoder_stages, self.decoder_reshape(self.decoder_head(code)))
        return self.output(self.crop(self.decoder_output(x)))


def _block(filters: int, name: str) -> list[keras.layers.Layer]:
    # Eight filters a group, or one group where that does not divide.
    groups = filters // 8 if filters % 8 == 0 else 1
    block: list[keras.layers.Layer] = []
    for i in range(2):
        block += [
            keras.layers.GroupNormalization(groups, name=f"{name}_norm_{i}"),
            keras.layers.Activation("relu", name=f"{name}_relu_{i}"),
            keras.layers.Conv2D(filters, 3, padding="same", name=f"{name}_conv_{i}"),
        ]
    return block


def _climb(stages: list, x: Any) -> Any:
    for resize, blocks in stages:
        x = resize(x)
        for block in blocks:
            shortcut = x
            for layer in block:
                x = layer(x)
            x = x + shortcut
    return x
