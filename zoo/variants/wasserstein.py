"""`wasserstein`: the codes of a batch, taken together, look like draws from a normal."""

from __future__ import annotations

import keras

from zoo.autoencoder import Autoencoder
from zoo.layers import PriorDiscrepancy
from zoo.layers.schedules import Scheduled
from zoo.plan import Plan
from zoo.registry import variant
from zoo.variants._parts import per_component


@variant("wasserstein", kind="real", source="Tolstikhin et al. 2017")
def wasserstein(
    plan: Plan, weight: Scheduled = 10.0, stddev: float = 1.0, seed: int | None = None
) -> Autoencoder:
    """Codes that are, all together, normally distributed, by a penalty on the discrepancy.

    Args:
        plan: The input, the backbone and the size of the code.
        weight: Factor of the discrepancy (MMD) against the error summed over components. A
            schedule is taken as it is, against the mean error.
        stddev: Standard deviation of the prior.
        seed: Seed of the draws from the prior.

    Returns:
        The model.

    Raises:
        ValueError: If `weight` is negative or `stddev` is not positive.

    Reference:
        [Tolstikhin et al., Wasserstein Auto-Encoders, 2017](https://arxiv.org/abs/1711.01558)
    """
    features = plan.backbone.encode(plan.encoder_input)
    code = keras.layers.Dense(plan.code_dim, dtype="float32", name="code")(features)
    discrepancy = PriorDiscrepancy(
        per_component(plan, weight), stddev, seed, name="prior_discrepancy"
    )
    return plan.autoencoder(code, decoder_input=discrepancy(code))
