"""`BitDecorrelation`: no bit is to say what another one says already."""

from __future__ import annotations

from typing import Any

import keras

from zoo.layers.penalty import Penalty


@keras.saving.register_keras_serializable(package="zoo")
class BitDecorrelation(Penalty):
    """Penalises the covariances of different bits over the batch.

    The penalty is the mean over pairs of different bits of the squared covariance of
    `2 bit - 1`: 0 for uncorrelated bits, 1 for balanced bits that are all copies of one.

    Args:
        weight: Factor in the loss, a non-negative float or a schedule of the training step.
        **kwargs: As for any layer.

    Call arguments:
        inputs: Bits or their activations in [0, 1], `[batch, bits]`.

    Returns:
        The inputs.

    Metrics: the penalty, under the layer's name.

    Reference:
        [Weiss, Torralba & Fergus, Spectral Hashing,
        2008](https://papers.nips.cc/paper/2008/hash/d58072be2820e8682c0a27c0518e805e-Abstract.html);
        as a penalty [Liong et al., Deep Hashing for Compact Binary Codes Learning,
        2015](https://doi.org/10.1109/CVPR.2015.7298862)

    Example:
    >>> code = BitDecorrelation(0.1)(keras.layers.Dense(64, "sigmoid")(features))
    """

    def penalty(self, inputs: Any, training: bool) -> Any:
        """Mean squared covariance of pairs."""
        bits = inputs.shape[-1]
        signs = 2 * inputs - 1
        signs -= keras.ops.mean(signs, axis=0)
        rows = keras.ops.cast(keras.ops.shape(signs)[0], "float32")
        covariance = keras.ops.matmul(keras.ops.transpose(signs), signs) / rows
        different = 1 - keras.ops.eye(bits)
        return keras.ops.sum(keras.ops.square(covariance * different)) / max(1, bits * (bits - 1))
