"""`sequence`: recurrent or dilated convolutional trunks, for time series of any length."""

from __future__ import annotations

import math
from collections.abc import Sequence as Several
from typing import Any

import keras

from zoo.backbones.backbone import Backbone, apply
from zoo.layers.mask_padding import MaskPadding
from zoo.layers.plain_gru import PlainGRU
from zoo.registry import backbone

CELLS = ("gru", "conv")


@backbone("sequence")
class Sequence(Backbone):
    """Trunks along the first axis, which is time.

    Series shorter than `input_shape` says are padded with steps of NaN: the code does not
    depend on how many there are, and the error does not count them. Single missing values may
    be NaN too.

    Args:
        input_shape: (steps, features); further axes are taken as features.
        likelihood: `"gaussian"` unless told otherwise.
        units: Units, or filters, of the encoder's layers, from the input to the code.
        cell: `"gru"` for recurrent layers or `"conv"` for convolutions whose dilation doubles
            from layer to layer.
        kernel_size: Steps that a convolution sees.

    Raises:
        ValueError: If the input has no features the cell is unknown, or there is no layer.

    Reference:
        [Cho et al., Learning Phrase Representations using RNN Encoder-Decoder,
        2014](https://arxiv.org/abs/1406.1078); [Bai et al., An Empirical Evaluation of Generic
        Convolutional and Recurrent Networks for Sequence Modeling,
        2018](https://arxiv.org/abs/1803.01271)
    """

    default_likelihood = "gaussian"
    missing_values = True

    def __init__(
        self,
        input_shape: tuple[int, ...],
        likelihood: str,
        units: Several[int] = (64, 64),
        cell: str = "gru",
        kernel_size: int = 3,
    ):
        super().__init__(input_shape, likelihood)
        if len(self.input_shape) < 2:
            raise ValueError(
                "The sequence backbone wants series of the shape (steps, features); add an axis "
                f"for one feature: x[..., None]. Received: input_shape={self.input_shape}"
            )
        if cell not in CELLS:
            raise ValueError(f"`cell` must be one of {', '.join(CELLS)}. Received: cell={cell!r}")
        if not units:
            raise ValueError(f"`units` must name at least one layer. Received: units={units}")
        self.cell = cell
        steps, features = self.input_shape[0], math.prod(self.input_shape[1:])

        def convolutions(part: str, sizes: list[int]) -> list[keras.layers.Layer]:
            return [
                keras.layers.Conv1D(
                    size,
                    kernel_size,
                    padding="same",
                    dilation_rate=2**i,
                    activation="relu",
                    name=f"{part}_conv_{i}",
                )
                for i, size in enumerate(sizes)
            ]

        encoder, decoder = list(units), list(reversed(units))
        if cell == "gru":
            self.encoder_layers: list[Any] = [
                MaskPadding(name="mask_padding"),
                *(
                    PlainGRU(size, return_sequences=i < len(encoder) - 1, name=f"encoder_gru_{i}")
                    for i, size in enumerate(encoder)
                ),
            ]
            back = [
                keras.layers.RepeatVector(steps, name="decoder_repeat"),
                *(
                    PlainGRU(size, return_sequences=True, name=f"decoder_gru_{i}")
                    for i, size in enumerate(decoder)
                ),
            ]
        else:
            self.encoder_layers = convolutions("encoder", encoder)
            back = [
                keras.layers.Dense(steps * decoder[0], "relu", name="decoder_dense"),
                keras.layers.Reshape((steps, decoder[0]), name="decoder_steps"),
                *convolutions("decoder", decoder),
            ]
        self.decoder_layers = [
            *back,
            keras.layers.Dense(features, name="decoder_output"),
            keras.layers.Reshape(self.input_shape, name="decoder_reshape"),
            self.output,
        ]

    def encode(self, x: Any) -> Any:
        """Reads the steps that are not padding."""
        # Not for the width of the input: a variant may append a mask to the features.
        x = keras.layers.Reshape((x.shape[1], math.prod(x.shape[2:])))(x)
        return apply(self.encoder_layers, x) if self.cell == "gru" else self._convolve(x)

    def _convolve(self, x: Any) -> Any:
        # Padding is 0 before each layer, as if the series ended there, and left out of the mean.
        ops = keras.ops
        missing = ops.isnan(x)
        steps = ops.cast(ops.any(ops.logical_not(missing), axis=-1, keepdims=True), "float32")
        x = ops.where(missing, ops.zeros_like(x), x)
        for layer in self.encoder_layers:
            x = layer(x) * steps
        return ops.sum(x, axis=1) / ops.maximum(ops.sum(steps, axis=1), 1.0)

    def decode(self, code: Any) -> Any:
        """Writes all steps."""
        return apply(self.decoder_layers, code)
