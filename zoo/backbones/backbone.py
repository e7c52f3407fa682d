"""`Backbone`: an encoder trunk and a decoder trunk for one kind of data."""

from __future__ import annotations

from typing import Any

import keras


class Backbone:
    """Two trunks of layers, without the code layer between them, which is the variant's.

    Both methods may be called several times, for a clean and a corrupted path say, and use the
    same layers each time. A subclass makes its layers in its constructor, which takes
    `input_shape`, `output_activation` and options of its own.

    Args:
        input_shape: Shape of one preprocessed example, without the batch.
        output_activation: Activation of the reconstruction, given by the likelihood.
    """

    def __init__(self, input_shape: tuple[int, ...], output_activation: str):
        self.input_shape = tuple(input_shape)
        # float32 whatever the policy: a probability of 1 - 1e-4 is 1 in half precision.
        self.output = keras.layers.Activation(
            output_activation, dtype="float32", name="reconstruction"
        )

    def encode(self, x: Any) -> Any:
        """Features `[batch, features]` of inputs `[batch, *input_shape]`."""
        raise NotImplementedError

    def decode(self, code: Any) -> Any:
        """Reconstructions `[batch, *input_shape]` of codes `[batch, code_dim]`."""
        raise NotImplementedError


def apply(layers: list[keras.layers.Layer], x: Any) -> Any:
    """Calls the layers one after the other."""
    for layer in layers:
        x = layer(x)
    return x
