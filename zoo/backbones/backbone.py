"""`Backbone`: an encoder trunk and a decoder trunk for one kind of data."""

from __future__ import annotations

from typing import Any

import keras

from zoo.likelihood import output_layer


class Backbone:
    """Two trunks of layers, without the code layer between them, which is the variant's.

    Both methods may be called several times, for a clean and a corrupted path say, and use the
    same layers each time. A subclass makes its layers in its constructor, which takes
    `input_shape`, `likelihood` and options of its own.

    Args:
        input_shape: Shape of one preprocessed example, without the batch.
        likelihood: How reconstructions are judged, which decides their activation.

    Attributes:
        default_likelihood: The likelihood where neither the caller nor the variant names one.
        missing_values: Whether the trunks take NaN, for values that were not observed.
    """

    default_likelihood = "bernoulli"
    missing_values = False

    def __init__(self, input_shape: tuple[int, ...], likelihood: str):
        self.input_shape = tuple(input_shape)
        self.output = output_layer(likelihood, len(self.input_shape))

    @classmethod
    def preprocessing(cls, data: Any) -> keras.layers.Layer | None:
        """The layer from raw inputs to what the trunks take, adapted to data.

        A subclass may add options, which become options of `zoo.create`.

        Args:
            data: Raw training data.

        Returns:
            The layer, or `None` if the trunks take raw inputs.
        """
        return None

    def encode(self, x: Any) -> Any:
        """Features `[batch, features]` of inputs `[batch, *input_shape]`."""
        raise NotImplementedError

    def encode_observed(self, x: Any, observed: Any) -> Any:
        """As `encode`, of inputs and the mask of their observed components, both of one shape.

        Here the mask becomes further channels of the input.
        """
        return self.encode(keras.ops.concatenate([x, observed], axis=-1))

    def decode(self, code: Any) -> Any:
        """Reconstructions `[batch, *input_shape]` of codes `[batch, code_dim]`."""
        raise NotImplementedError


def apply(layers: list[keras.layers.Layer], x: Any) -> Any:
    """Calls the layers one after the other."""
    for layer in layers:
        x = layer(x)
    return x
