"""`PriorDiscrepancy`: the distance (MMD) of a batch of codes from the normal distribution."""

from __future__ import annotations

from typing import Any

import keras

from zoo.layers.arguments import check_number
from zoo.layers.penalty import Penalty

# The kernel is a sum over these multiples of its natural scale.
SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


@keras.saving.register_keras_serializable(package="zoo")
class PriorDiscrepancy(Penalty):
    """Adds the squared maximum mean discrepancy between codes and as many draws from a prior.

    The prior is N(0, stddev^2). The kernel is a sum of inverse multiquadratics
    `c / (c + |a - b|^2)` with `c = s * 2 * units * stddev^2` for seven scales `s` from 0.1 to
    10. The estimate is unbiased, so its mean does not depend on the batch size, and may be
    negative. Outside training the draws are always the same.

    Args:
        weight: Factor in the loss, a non-negative float or a schedule of the training step.
        stddev: Standard deviation of the prior, positive.
        seed: Integer seed of the draws, or `None`.
        **kwargs: As for any layer.

    Call arguments:
        inputs: Codes `[batch, units]`; fewer than two give 0.
        training: Whether to draw anew.

    Returns:
        The inputs.

    Metrics: the estimate, under the layer's name.

    Raises:
        ValueError: If `stddev` is not positive.

    Reference:
        [Tolstikhin et al., Wasserstein Auto-Encoders, 2017](https://arxiv.org/abs/1711.01558),
        algorithm 2; [Gretton et al., A Kernel Two-Sample Test,
        2012](https://jmlr.org/papers/v13/gretton12a.html)

    Example:
    >>> code = PriorDiscrepancy(0.01)(keras.layers.Dense(16)(features))
    """

    def __init__(self, weight: Any, stddev: float = 1.0, seed: int | None = None, **kwargs: Any):
        super().__init__(weight, **kwargs)
        check_number("stddev", stddev, "positive", lambda x: x > 0)
        self.stddev = stddev
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def penalty(self, inputs: Any, training: bool) -> Any:
        """The discrepancy from fresh draws."""
        seed = self.seed_generator if training else 0
        draws = keras.random.normal(keras.ops.shape(inputs), stddev=self.stddev, seed=seed)
        return self.discrepancy(inputs, draws)

    def discrepancy(self, codes: Any, draws: Any) -> Any:
        """The unbiased estimate from two samples of the same shape `[n, units]`."""
        count = keras.ops.cast(keras.ops.shape(codes)[0], "float32")
        others = 1 - keras.ops.eye(keras.ops.shape(codes)[0])  # a point is no pair with itself
        own = sum(keras.ops.sum(others * self.kernel(x, x)) for x in (codes, draws))
        across = keras.ops.sum(self.kernel(codes, draws))
        estimate = own / keras.ops.maximum(count * (count - 1), 1.0) - 2 * across / count**2
        return keras.ops.where(count > 1, estimate, 0.0)

    def kernel(self, a: Any, b: Any) -> Any:
        """The kernel of every pair, `[n, m]`."""
        squares = keras.ops.sum(keras.ops.square(a), axis=1)[:, None]
        squares += keras.ops.sum(keras.ops.square(b), axis=1)[None]
        product = keras.ops.matmul(a, keras.ops.transpose(b))
        distance = keras.ops.maximum(squares - 2 * product, 0.0)
        scale = 2 * a.shape[-1] * self.stddev**2
        return sum(s * scale / (s * scale + distance) for s in SCALES)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "stddev": self.stddev, "seed": self.seed}
