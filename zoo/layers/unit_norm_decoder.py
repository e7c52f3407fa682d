"""`unit_norm_decoder`: every unit of a code writes a vector of length 1."""

from __future__ import annotations

from typing import Any

import keras


def unit_norm_decoder(decoder: keras.Model) -> keras.layers.Layer:
    """Holds the rows of the decoder's first kernel, one for each unit of the code, at length 1.

    Without it a penalty on a code's size is cheated: activations shrink while the weights that
    read them grow. The rows are scaled now and, by the layer's `kernel_constraint`, after every
    step of the optimizer; the constraint is saved with the layer.

    Args:
        decoder: A functional model that reads codes `[batch, units]`, whose first layer with
            weights is a `keras.layers.Dense` on them.

    Returns:
        That layer.

    Raises:
        ValueError: If the first layer with weights is another.

    Reference:
        [Olshausen & Field, Sparse Coding with an Overcomplete Basis Set,
        1997](https://doi.org/10.1016/S0042-6989(97)00169-7); [Bricken et al., Towards
        Monosemanticity, 2023](https://transformer-circuits.pub/2023/monosemantic-features)

    Example:
    >>> ae = zoo.create("undercomplete", (784,), 1000)
    >>> unit_norm_decoder(ae.decoder)
    """
    first = code_reader(decoder)
    constraint = keras.constraints.UnitNorm(axis=1)
    first.kernel_constraint = constraint
    first.kernel.constraint = constraint
    first.kernel.assign(constraint(first.kernel))
    return first


def code_reader(decoder: keras.Model) -> keras.layers.Dense:
    """The dense layer that reads the code.

    Raises:
        ValueError: If the first layer with weights is not one, or reads something else.
    """
    first: Any = next((layer for layer in decoder.layers if layer.trainable_weights), None)
    if type(first) is not keras.layers.Dense or first.kernel.shape[0] != decoder.input_shape[-1]:
        raise ValueError(
            "The decoder must begin with a keras.layers.Dense that reads the code, to constrain "
            f"or to resample its rows (unit_norm=False and resample_every=0 do neither). "
            f"Received: {first!r}"
        )
    return first
