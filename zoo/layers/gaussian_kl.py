"""`GaussianKL`: how far the encoder's Gaussians are from the standard normal prior."""

from __future__ import annotations

from typing import Any

import keras

from zoo.layers.arguments import check_number
from zoo.layers.penalty import Penalty


@keras.saving.register_keras_serializable(package="zoo")
class GaussianKL(Penalty):
    """Adds the divergence of diagonal Gaussians from N(0, 1), with free bits if wanted.

    Of each unit the divergence is `(mean^2 + variance - 1 - log_variance) / 2`, averaged over
    the batch; then units are summed. With free bits a unit whose mean divergence is below that
    bound counts as the bound: up to there information costs nothing.

    Args:
        weight: Factor in the loss (beta), a non-negative float or a schedule of the training
            step.
        free_nats: Divergence of each unit, in nats, that costs nothing; not negative.
        **kwargs: As for any layer.

    Call arguments:
        inputs: `[mean, log_variance]`, each `[batch, units]`.

    Returns:
        The mean.

    Metrics: the divergence in nats, before the bound, under the layer's name.

    Raises:
        ValueError: If `free_nats` is negative.

    Reference:
        [Kingma & Welling, Auto-Encoding Variational Bayes, 2013](https://arxiv.org/abs/1312.6114);
        weight: [Higgins et al., beta-VAE, 2017](https://openreview.net/forum?id=Sy2fzU9gl);
        free bits: [Kingma et al., Improving Variational Inference with Inverse Autoregressive
        Flow, 2016](https://arxiv.org/abs/1606.04934), appendix C.8

    Example:
    >>> mean = GaussianKL(1e-3)([mean, log_variance])
    """

    def __init__(self, weight: Any, free_nats: float = 0.0, **kwargs: Any):
        super().__init__(weight, **kwargs)
        check_number("free_nats", free_nats, "a number of at least 0", lambda x: x >= 0)
        self.free_nats = free_nats

    def penalty(self, inputs: Any, training: bool) -> Any:
        """The divergence, bounded from below for each unit."""
        divergence = self.divergence(inputs)
        if not self.free_nats:
            return keras.ops.sum(divergence)
        return keras.ops.sum(keras.ops.maximum(divergence, self.free_nats))

    def reported(self, inputs: Any, penalty: Any) -> Any:
        """The divergence itself."""
        return keras.ops.sum(self.divergence(inputs))

    def divergence(self, inputs: Any) -> Any:
        """Mean over the batch of each unit's divergence, float32 `[units]`."""
        mean, log_variance = inputs
        return 0.5 * keras.ops.mean(
            keras.ops.square(mean) + keras.ops.exp(log_variance) - 1 - log_variance, axis=0
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "free_nats": self.free_nats}
