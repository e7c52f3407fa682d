"""`Frozen`: what other layers compute, without their weights learning from it."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from zoo.layers.between import Between


@keras.saving.register_keras_serializable(package="zoo")
class Frozen(keras.layers.Layer):
    """Passes a result on; its gradient reaches what it was made from, but no weight on the way.

    The layer finds the layers between source and result by itself, and calls them again with
    weights that take no gradient: the product that would be the gradient of a kernel is not
    computed. It owns none of their weights.

    Call arguments:
        inputs: `[code, source, result]`, of a functional model: the result is computed from the
            source and from nothing else. The code is what the same weights read where they learn.

    Returns:
        The code, unchanged, and the result.

    Raises:
        ValueError: If the result depends on something else, or the layer is called on data
            before it is called on the symbolic tensors of a functional model.

    Reference:
        The frozen decoder of [Rajamanoharan et al., Improving Dictionary Learning with Gated
        Sparse Autoencoders, 2024](https://arxiv.org/abs/2404.16014), section 3.2.2

    Example:
    >>> code, judged = Frozen()([code, gates, decoder(gates)])
    >>> reconstruction = decoder(code)  # from this the decoder learns, from `judged` the gates
    """

    def __init__(self, **kwargs: Any):
        super().__init__(autocast=False, **kwargs)
        self._between = Between("Frozen")

    def compute_output_spec(self, inputs: Any) -> Any:
        """Those of code and result; the symbolic tensors tell what lies in between."""
        code, source, result = inputs
        self._between.find(source, result)
        return tuple(keras.KerasTensor(x.shape, x.dtype) for x in (code, result))

    def call(self, inputs: Any) -> Any:
        """Calls the layers in between again; the value of the result itself is not used."""
        code, source, _ = inputs
        weights = self._between.trainable_variables
        held = [keras.ops.stop_gradient(weight) for weight in weights]
        # The optimizer must not write before this is read. TensorFlow's graph optimizer loses
        # that order for variables without a gradient (all gradients pass one IdentityN, which it
        # takes for an order and removes later), but not the order of what the code leads to.
        with tf.control_dependencies(held):
            code = tf.identity(code)
        with keras.StatelessScope(state_mapping=list(zip(weights, held, strict=True))):
            return code, self._between(source)
