"""`Frozen`: what other layers compute, without their weights learning from it."""

from __future__ import annotations

from typing import Any

import keras

from zoo.layers.between import Between


@keras.saving.register_keras_serializable(package="zoo")
class Frozen(keras.layers.Layer):
    """Passes a result on; its gradient reaches what it was made from, but no weight on the way.

    The layer finds the layers between the two by itself, and calls them again with weights that
    take no gradient: the product that would be the gradient of a kernel is not computed. It
    owns none of their weights.

    Call arguments:
        inputs: `[source, result]`, of a functional model: the result is computed from the source
            and from nothing else.

    Returns:
        The result.

    Raises:
        ValueError: If the result depends on something else, or the layer is called on data
            before it is called on the symbolic tensors of a functional model.

    Reference:
        The frozen decoder of [Rajamanoharan et al., Improving Dictionary Learning with Gated
        Sparse Autoencoders, 2024](https://arxiv.org/abs/2404.16014), section 3.2.2

    Example:
    >>> judged = Frozen()([gates, decoder(gates)])  # the gates learn, the decoder does not
    """

    def __init__(self, **kwargs: Any):
        super().__init__(autocast=False, **kwargs)
        self._between = Between("Frozen")

    def compute_output_spec(self, inputs: Any) -> Any:
        """That of the result; the symbolic tensors tell what lies in between."""
        source, result = inputs
        self._between.find(source, result)
        return keras.KerasTensor(result.shape, result.dtype)

    def call(self, inputs: Any) -> Any:
        """Calls the layers in between again; the value of the result itself is not used."""
        weights = self._between.trainable_variables
        held = [(weight, keras.ops.stop_gradient(weight)) for weight in weights]
        with keras.StatelessScope(state_mapping=held):
            return self._between(inputs[0])
