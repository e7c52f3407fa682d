"""`convolutional-winner-take-all`: feature maps of which only the highest peaks reconstruct."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras

from zoo.autoencoder import Autoencoder
from zoo.backbones.backbone import Backbone, apply
from zoo.backbones.conv import Conv
from zoo.layers import LifetimeSparsity, SpatialSparsity
from zoo.plan import Plan
from zoo.registry import variant


@variant("convolutional-winner-take-all", kind="sparse", source="Makhzani & Frey 2015")
def convolutional_winner_take_all(
    plan: Plan,
    filters: Sequence[int] = (64,),
    kernel_size: int = 5,
    atom_size: int = 11,
    rate: float | None = None,
) -> Autoencoder:
    """Feature maps of the image's size, each of which reconstructs from its peak alone.

    The code is all maps, flattened, so `code_dim` is the number of maps times height times
    width. The decoder is one linear deconvolution, whose kernels are the atoms. Takes images
    and `backbone="conv"`, of which it uses the output alone.

    Args:
        plan: The input, the backbone and the size of the code.
        filters: Filters of the encoder's layers before the maps.
        kernel_size: Height and width of the encoder's kernels.
        atom_size: Height and width of the decoder's kernels.
        rate: Share of a batch's examples for which each map may reconstruct, those of the
            highest peaks; `None` for all.

    Returns:
        The model. Codes are not limited: all rectified activations are in them. The decoder
        reads their peaks and, with a `rate`, of those the ones above the thresholds of
        `LifetimeSparsity`.

    Raises:
        ValueError: If the backbone is another, `code_dim` is not a whole number of maps, or
            `rate` is out of range.

    Reference:
        [Makhzani & Frey, Winner-Take-All Autoencoders, 2015](https://arxiv.org/abs/1409.2752)
    """
    if type(plan.backbone) is not Conv:
        raise ValueError(
            "convolutional-winner-take-all is made for images: pass backbone='conv', or use "
            f"winner-take-all. Received: {type(plan.backbone).__name__}"
        )
    height, width, _ = plan.backbone.input_shape
    maps = plan.code_dim // (height * width)
    if maps * height * width != plan.code_dim:
        raise ValueError(
            f"`code_dim` must be a multiple of {height * width}, the places of a feature map. "
            f"Received: code_dim={plan.code_dim}"
        )
    trunks = _Maps(plan, maps, filters, kernel_size, atom_size, rate)
    activations = keras.layers.Activation("relu", dtype="float32", name="maps")(
        trunks.encode(plan.encoder_input)
    )
    code = keras.layers.Flatten(dtype="float32", name="code")(activations)
    return dataclasses.replace(plan, backbone=trunks).autoencoder(code)


class _Maps(Backbone):
    """Convolutions that keep the image's size, and one linear deconvolution of the peaks."""

    def __init__(
        self,
        plan: Plan,
        maps: int,
        filters: Sequence[int],
        kernel_size: int,
        atom_size: int,
        rate: float | None,
    ):
        super().__init__(plan.backbone.input_shape, plan.likelihood)
        height, width, channels = self.input_shape

        def conv(units: int, activation: str, name: str) -> keras.layers.Layer:
            return keras.layers.Conv2D(
                units, kernel_size, padding="same", activation=activation, name=name
            )

        winners: list[keras.layers.Layer] = [
            SpatialSparsity(dtype="float32", name="spatial_sparsity")
        ]
        if rate is not None:
            winners.append(LifetimeSparsity(rate, dtype="float32", name="lifetime_sparsity"))
        self.encoder_layers = [
            *(conv(units, "relu", f"encoder_conv_{i}") for i, units in enumerate(filters)),
            conv(maps, "linear", "encoder_maps"),
        ]
        self.decoder_layers = [
            keras.layers.Reshape((height, width, maps), dtype="float32", name="decoder_reshape"),
            *winners,
            keras.layers.Conv2DTranspose(
                channels, atom_size, padding="same", name="decoder_deconvolution"
            ),
            self.output,
        ]

    def encode(self, x: Any) -> Any:
        """The maps, before they are rectified."""
        return apply(self.encoder_layers, x)

    def decode(self, code: Any) -> Any:
        """The image that the flattened maps make."""
        return apply(self.decoder_layers, code)
