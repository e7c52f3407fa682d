"""`L1Penalty`: the sum of absolute activations, so that most of them become zero."""

from __future__ import annotations

from typing import Any

import keras

from zoo.layers.penalty import Penalty


@keras.saving.register_keras_serializable(package="zoo")
class L1Penalty(Penalty):
    """Adds `weight` times the mean over examples of the sum of absolute activations.

    With units that can be exactly zero (`relu`) most of them will be. Constrain the norm of the
    weights that read the code, or the activations shrink while these grow.

    Args:
        weight: Factor in the loss, a non-negative float or a schedule of the training step.
        **kwargs: As for any layer.

    Call arguments:
        inputs: Activations `[batch, ..., units]`; or a pair, whose first is returned and whose
            second is penalised.

    Returns:
        The (first) input.

    Metrics: the sum of absolute activations, under the layer's name.

    Reference:
        [Ranzato et al., Efficient Learning of Sparse Representations with an Energy-Based
        Model, 2006](https://papers.nips.cc/paper/2006/hash/87f4d79e36d68c3031ccf6c55e9bbd39-Abstract.html)

    Example:
    >>> code = L1Penalty(1e-3)(keras.layers.Dense(256, "relu")(features))
    """

    def penalty(self, inputs: Any, training: bool) -> Any:
        """Mean over the examples of the L1 norm."""
        if isinstance(inputs, list | tuple):
            inputs = inputs[1]
        return keras.ops.mean(
            keras.ops.sum(keras.ops.abs(inputs), axis=tuple(range(1, len(inputs.shape))))
        )
