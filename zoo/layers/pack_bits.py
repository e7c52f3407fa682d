"""`PackBits`: bits to bytes, as `numpy.packbits` does."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="zoo")
class PackBits(keras.layers.Layer):
    """Packs bits into bytes, most significant bit first, padded with zeros to whole bytes.

    The result equals `numpy.packbits(bits, axis=-1)`.

    Call arguments:
        inputs: Bits `[..., bits]`, any dtype, 0 or 1.

    Returns:
        uint8 tensor `[..., ceil(bits / 8)]`.

    Example:
    >>> keras.ops.convert_to_numpy(PackBits()(keras.ops.array([[1, 0, 0, 0, 0, 0, 0, 1, 1]])))
    array([[129, 128]], dtype=uint8)
    """

    def __init__(self, **kwargs: Any):
        super().__init__(autocast=False, **kwargs)

    def call(self, inputs: Any) -> Any:
        """Packs the last axis."""
        bits = keras.ops.cast(inputs, "int32")
        padding = -bits.shape[-1] % 8
        bits = keras.ops.pad(bits, [[0, 0]] * (len(bits.shape) - 1) + [[0, padding]])
        batch = (-1, *bits.shape[1:-1]) if len(bits.shape) > 1 else ()
        octets = keras.ops.reshape(bits, (*batch, bits.shape[-1] // 8, 8))
        weights = keras.ops.convert_to_tensor([128, 64, 32, 16, 8, 4, 2, 1], "int32")
        return keras.ops.cast(keras.ops.sum(octets * weights, axis=-1), "uint8")

    def compute_output_spec(self, inputs: Any) -> keras.KerasTensor:
        """A byte for every eight bits begun."""
        return keras.KerasTensor((*inputs.shape[:-1], -(-inputs.shape[-1] // 8)), "uint8")
