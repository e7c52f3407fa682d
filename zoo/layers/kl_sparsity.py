"""`KLSparsity`: each unit's mean activation is drawn to a small target."""

from __future__ import annotations

from typing import Any

import keras

from zoo.layers.arguments import check_number
from zoo.layers.penalty import Penalty

# Mean activations are kept this far from 0 and 1, where the divergence is infinite.
MARGIN = 1e-6


@keras.saving.register_keras_serializable(package="zoo")
class KLSparsity(Penalty):
    """Penalises the divergence of each unit's mean activation from a target.

    The penalty is `sum_j KL(target || mean_j)`, where KL is that of Bernoulli distributions and
    the mean is taken over the batch or, for small batches, is a moving mean over training.

    Args:
        target: The mean activation wanted, in (0, 1).
        weight: Factor in the loss, a non-negative float or a schedule of the training step.
        momentum: Weight of the past in the moving mean, in [0, 1); 0 for the mean of the batch
            alone. The gradient is that of the batch's mean either way.
        **kwargs: As for any layer.

    Call arguments:
        inputs: Activations `[batch, ..., units]` in [0, 1], of sigmoids say.

    Returns:
        The inputs.

    Metrics: the summed divergence in nats, under the layer's name.

    Raises:
        ValueError: If `target` or `momentum` is out of range.

    Reference:
        [Lee, Ekanadham & Ng, Sparse Deep Belief Net Model for Visual Area V2,
        2007](https://papers.nips.cc/paper/2007/hash/4daa3db355ef2b0e64b472968cb70f0d-Abstract.html);
        [Ng, Sparse Autoencoder, CS294A lecture notes,
        2011](https://web.stanford.edu/class/cs294a/sparseAutoencoder.pdf)

    Example:
    >>> code = KLSparsity(0.05, weight=1e-2)(keras.layers.Dense(256, "sigmoid")(features))
    """

    def __init__(self, target: float, weight: Any, momentum: float = 0.0, **kwargs: Any):
        super().__init__(weight, **kwargs)
        check_number("target", target, "in (0, 1)", lambda x: 0 < x < 1)
        check_number("momentum", momentum, "in [0, 1)", lambda x: 0 <= x < 1)
        self.target = target
        self.momentum = momentum

    def build(self, input_shape: Any) -> None:
        """Creates the moving mean, which starts at the target."""
        super().build(input_shape)
        self.moving_mean = None
        if self.momentum:
            self.moving_mean = self.add_weight(
                shape=(input_shape[-1],),
                dtype="float32",
                autocast=False,
                initializer=keras.initializers.Constant(self.target),
                trainable=False,
                name="moving_mean",
            )

    def penalty(self, inputs: Any, training: bool) -> Any:
        """The divergence, summed over the units."""
        mean = keras.ops.mean(inputs, axis=tuple(range(len(inputs.shape) - 1)))
        if self.moving_mean is not None:
            batch = keras.ops.stop_gradient(mean)
            moving = self.moving_mean + (1 - self.momentum) * (batch - self.moving_mean)
            if training and self.trainable:
                self.moving_mean.assign(moving)
            mean = keras.ops.stop_gradient(moving) + (mean - batch)
        mean = keras.ops.clip(mean, MARGIN, 1 - MARGIN)
        rho = self.target
        return keras.ops.sum(
            rho * keras.ops.log(rho / mean) + (1 - rho) * keras.ops.log((1 - rho) / (1 - mean))
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "target": self.target, "momentum": self.momentum}
