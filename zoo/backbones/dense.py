"""`dense`: fully connected trunks, for vectors and small images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras

from zoo.backbones.backbone import Backbone, apply
from zoo.layers.tied_dense import TiedDense, nearest_dense
from zoo.registry import backbone

# Units that a wider mask of observed components is read through.
MASK_UNITS = 32


@backbone("dense")
class Dense(Backbone):
    """Fully connected trunks; the decoder mirrors the encoder.

    Args:
        input_shape: Any shape; inputs are flattened.
        likelihood: How reconstructions are judged.
        hidden: Units of the encoder's layers, from the input to the code.
        activation: Activation of the hidden layers.
        tied: Whether the decoder uses the encoder's kernels transposed, and owns biases alone.

    Raises:
        ValueError: When decoding, if `tied` and the code is not made by a dense layer.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        likelihood: str,
        hidden: Sequence[int] = (512, 256),
        activation: str = "relu",
        tied: bool = False,
    ):
        super().__init__(input_shape, likelihood)
        self.hidden = tuple(hidden)
        self.activation = activation
        self.tied = tied
        self.encoder_layers = [
            keras.layers.Flatten(name="encoder_flatten"),
            *(
                keras.layers.Dense(units, activation, name=f"encoder_dense_{i}")
                for i, units in enumerate(hidden)
            ),
        ]
        self.mask_layers: list[keras.layers.Layer] = []
        self.decoder_layers: list[keras.layers.Layer] = []

    def read(self, x: Any) -> Any:
        """What the layers read of inputs; a subclass may prepare them."""
        return x

    def encode(self, x: Any) -> Any:
        """Flattens and applies the hidden layers."""
        return apply(self.encoder_layers, self.read(x))

    def encode_observed(self, x: Any, observed: Any) -> Any:
        """Applies the hidden layers; the first one also reads the mask, through a narrow layer.

        Directly it would double the widest product of all.
        """
        if not self.mask_layers:
            self._add_mask_layers()
        flatten, *layers = self.encoder_layers
        x, mask = flatten(self.read(x)), apply(self.mask_layers, observed)
        if not layers:
            return keras.ops.concatenate([x, mask], axis=-1)
        first, *others = layers
        return apply(others, keras.ops.add(first(x), mask))

    def _add_mask_layers(self) -> None:
        self.mask_layers = [keras.layers.Flatten(name="mask_flatten")]
        if not self.hidden:
            return
        if math.prod(self.input_shape) > MASK_UNITS:
            narrow = keras.layers.Dense(MASK_UNITS, use_bias=False, name="mask_dense")
            self.mask_layers.append(narrow)
        units = self.hidden[0]
        self.mask_layers.append(keras.layers.Dense(units, use_bias=False, name="mask_output"))
        # The sum is activated.
        self.encoder_layers[1:2] = [
            keras.layers.Dense(units, name="encoder_dense_0"),
            keras.layers.Activation(self.activation, name="encoder_activation_0"),
        ]

    def decode(self, code: Any) -> Any:
        """Applies the hidden layers in reverse order and restores the shape."""
        if not self.decoder_layers:
            self.decoder_layers = [
                *(self._tied_layers(code) if self.tied else self._free_layers()),
                keras.layers.Reshape(self.input_shape, name="decoder_reshape"),
                self.output,
            ]
        return apply(self.decoder_layers, code)

    def _free_layers(self) -> list[keras.layers.Layer]:
        return [
            *(
                keras.layers.Dense(units, self.activation, name=f"decoder_dense_{i}")
                for i, units in enumerate(reversed(self.hidden))
            ),
            keras.layers.Dense(math.prod(self.input_shape), name="decoder_output"),
        ]

    def _tied_layers(self, code: Any) -> list[keras.layers.Layer]:
        layers = [x for x in self.encoder_layers if isinstance(x, keras.layers.Dense)]
        layers.append(nearest_dense(code))
        read, wanted = layers[0].kernel.shape[0], math.prod(self.input_shape)
        if read != wanted:
            raise ValueError(
                "Tied weights want an encoder that reads the input alone, and this variant's reads "
                f"{read} values of {wanted}: use tied=False. Received: tied=True"
            )
        names = [layer.name for layer in layers]
        return [
            *(
                TiedDense(name, self.activation, name=f"decoder_dense_{i}")
                for i, name in enumerate(reversed(names[1:]))
            ),
            TiedDense(names[0], name="decoder_output"),
        ]
