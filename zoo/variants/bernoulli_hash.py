"""`bernoulli-hash`: binary codes whose bits are drawn in training."""

from __future__ import annotations

import keras

from zoo.autoencoder import Autoencoder
from zoo.layers import BernoulliKL, BitBalance, BitDecorrelation, StochasticBinary
from zoo.layers.schedules import Scheduled
from zoo.plan import Plan
from zoo.registry import variant
from zoo.variants._parts import per_component


@variant("bernoulli-hash", kind="binary", source="Shen et al. 2018")
def bernoulli_hash(
    plan: Plan,
    beta: Scheduled = 1.0,
    prior: float = 0.5,
    balance_weight: Scheduled = 0.0,
    decorrelation_weight: Scheduled = 0.0,
    seed: int | None = None,
) -> Autoencoder:
    """Binary codes, by a decoder that reads bits drawn with the code's probabilities.

    Args:
        plan: The input, the backbone and the size of the code.
        beta: Factor of the divergence from the prior against the error summed over components;
            1 for the evidence bound. A schedule is taken as it is, against the mean error.
        prior: The prior's probability of a 1, in (0, 1).
        balance_weight: Factor of the penalty on bits set more or less than half of the time.
        decorrelation_weight: Factor of the penalty on covariances of bits.
        seed: Seed of the draws.

    Returns:
        The model.

    Raises:
        ValueError: If an option is out of range.

    Reference:
        [Shen et al., NASH: Toward End-to-End Neural Architecture for Generative Semantic
        Hashing, 2018](https://arxiv.org/abs/1805.05361)
    """
    features = plan.backbone.encode(plan.encoder_input)
    logits = keras.layers.Dense(plan.code_dim, name="logits")(features)
    code = keras.layers.Activation("sigmoid", dtype="float32", name="code")(logits)
    probabilities = BernoulliKL(per_component(plan, beta, "beta"), prior, name="bernoulli_kl")(code)
    if balance_weight:
        probabilities = BitBalance(balance_weight, name="bit_balance")(probabilities)
    if decorrelation_weight:
        decorrelation = BitDecorrelation(decorrelation_weight, name="bit_decorrelation")
        probabilities = decorrelation(probabilities)
    bits = StochasticBinary(seed, name="stochastic_binary")
    return plan.autoencoder(code, decoder_input=probabilities, selection=bits)
