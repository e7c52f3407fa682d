"""`BernoulliKL`: how far bits with given probabilities are from their prior."""

from __future__ import annotations

from typing import Any

import keras

from zoo.layers.arguments import check_number
from zoo.layers.penalty import Penalty

# Probabilities are kept this far from 0 and 1, where the logarithm is infinite.
MARGIN = 1e-6


@keras.saving.register_keras_serializable(package="zoo")
class BernoulliKL(Penalty):
    """Adds the divergence of Bernoulli units from a prior: `sum_j KL(p_j || prior)`.

    Args:
        weight: Factor in the loss, a non-negative float or a schedule of the training step.
        prior: The prior's probability of a 1, in (0, 1).
        **kwargs: As for any layer.

    Call arguments:
        inputs: Probabilities `[batch, ..., bits]`.

    Returns:
        The inputs.

    Metrics: the mean divergence in nats per example, under the layer's name.

    Raises:
        ValueError: If `prior` is out of range.

    Reference:
        [Shen et al., NASH: Toward End-to-End Neural Architecture for Generative Semantic
        Hashing, 2018](https://arxiv.org/abs/1805.05361)

    Example:
    >>> probabilities = BernoulliKL(1e-3)(keras.layers.Dense(64, "sigmoid")(features))
    """

    def __init__(self, weight: Any, prior: float = 0.5, **kwargs: Any):
        super().__init__(weight, **kwargs)
        check_number("prior", prior, "in (0, 1)", lambda x: 0 < x < 1)
        self.prior = prior

    def penalty(self, inputs: Any, training: bool) -> Any:
        """Mean over the examples of the divergence, summed over the bits."""
        p = keras.ops.clip(inputs, MARGIN, 1 - MARGIN)
        divergence = p * keras.ops.log(p / self.prior) + (1 - p) * keras.ops.log(
            (1 - p) / (1 - self.prior)
        )
        return keras.ops.mean(keras.ops.sum(divergence, axis=tuple(range(1, len(p.shape)))))

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "prior": self.prior}
