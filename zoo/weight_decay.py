"""Weight decay, for any model made of Keras layers."""

from __future__ import annotations

import keras


def decay(model: keras.Model, weight: float) -> None:
    """Adds the sum of all squared kernels to the loss, `weight` times; biases stay free.

    Args:
        model: A model whose dense and convolutional layers, those of attention too, are changed
            in place; the regulariser is saved with each.
        weight: The factor; 0 changes nothing.

    Raises:
        ValueError: If `weight` is negative, or there is no such layer.
    """
    if weight < 0:
        raise ValueError(f"`weight_decay` must not be negative. Received: weight_decay={weight}")
    if not weight:
        return
    regularizer = keras.regularizers.L2(weight)
    found = False
    # With those inside of others: attention has a dense layer for each projection.
    for layer in model._flatten_layers(include_self=False):
        if isinstance(layer, keras.layers.MultiHeadAttention):
            layer._kernel_regularizer = regularizer  # it makes its own anew where it is loaded
        elif hasattr(layer, "kernel") and hasattr(layer, "kernel_regularizer"):
            # The layer's is saved with it, the variable's is what the loss reads.
            layer.kernel_regularizer = layer.kernel.regularizer = regularizer
            found = True
    if not found:
        raise ValueError(
            "`weight_decay` wants dense or convolutional layers. Received: a model without any"
        )
