"""`CommitmentPenalty`: the encoder is to stay near the codebook vectors that it chooses."""

from __future__ import annotations

from typing import Any

import keras

from zoo.layers.penalty import Penalty


@keras.saving.register_keras_serializable(package="zoo")
class CommitmentPenalty(Penalty):
    """Adds `weight` times the squared distance of vectors from their quantized versions.

    The distance is summed over an example and averaged over the batch. The gradient
    moves the vectors, not the codebook.

    Args:
        weight: Factor in the loss, a non-negative float or a schedule of the training step.
        **kwargs: As for any layer.

    Call arguments:
        inputs: `[quantized, vectors]`, both `[batch, ..., units]`.

    Returns:
        The quantized vectors.

    Metrics: the squared distance, under the layer's name.

    Reference:
        [van den Oord, Vinyals & Kavukcuoglu, Neural Discrete Representation Learning,
        2017](https://arxiv.org/abs/1711.00937)

    Example:
    >>> code = CommitmentPenalty(0.25)([quantized, latent])
    """

    def penalty(self, inputs: Any, training: bool) -> Any:
        """Mean over the examples of the squared distance."""
        quantized, vectors = inputs
        squares = keras.ops.square(keras.ops.stop_gradient(quantized) - vectors)
        return keras.ops.mean(keras.ops.sum(squares, axis=tuple(range(1, len(squares.shape)))))
