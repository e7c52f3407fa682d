"""`BitBalance`: every bit is to be set in half of the examples."""

from __future__ import annotations

from typing import Any

import keras

from zoo.layers.penalty import Penalty


@keras.saving.register_keras_serializable(package="zoo")
class BitBalance(Penalty):
    """Penalises bits that are set more, or less, often than half of the time.

    The penalty is the mean over the bits of `(2 m - 1)^2`, where `m` is a bit's mean over the
    batch: 0 for balanced bits, 1 for bits that never change.

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
    >>> code = BitBalance(0.1)(keras.layers.Dense(64, "sigmoid")(features))
    """

    def penalty(self, inputs: Any, training: bool) -> Any:
        """Mean square of the bits' means, on the scale -1 to 1."""
        return keras.ops.mean(keras.ops.square(keras.ops.mean(2 * inputs - 1, axis=0)))
