"""`variational`: codes are Gaussians, and what they tell is paid for in nats."""

from __future__ import annotations

import math

import keras

from zoo.autoencoder import Autoencoder
from zoo.layers import GaussianKL, GaussianSampling
from zoo.layers.schedules import Scheduled, linear
from zoo.plan import Plan
from zoo.registry import variant
from zoo.variants._parts import per_component


@variant("variational", kind="real", source="Kingma & Welling 2013")
def variational(
    plan: Plan,
    beta: Scheduled = 1.0,
    free_nats: float = 0.0,
    annealing: float = 0.0,
    training_steps: int = 2000,
    seed: int | None = None,
) -> Autoencoder:
    """Codes are Gaussians, and their divergence from a standard normal prior is a cost.

    Args:
        plan: The input, the backbone and the size of the code.
        beta: Factor of the divergence against the error summed over components; 1 for the
            evidence bound under a Bernoulli likelihood. A schedule is taken as it is, against
            the mean error.
        free_nats: Divergence of each unit, in nats, that costs nothing.
        annealing: Share of the training, in [0, 1], over which the factor grows linearly from 0
            to `beta`; 0 for a constant one.
        training_steps: Steps that the model will be trained for.
        seed: Seed of the draws.

    Returns:
        The model. Its codes are the means.

    Raises:
        ValueError: If an option is out of range, or `beta` is a schedule and annealed too.

    Reference:
        [Kingma & Welling, Auto-Encoding Variational Bayes, 2013](https://arxiv.org/abs/1312.6114);
        [Higgins et al., beta-VAE, 2017](https://openreview.net/forum?id=Sy2fzU9gl);
        [Kingma et al., Improving Variational Inference with Inverse Autoregressive Flow,
        2016](https://arxiv.org/abs/1606.04934)
    """
    weight = per_component(plan, beta, "beta")
    if not 0 <= annealing <= 1:
        raise ValueError(f"`annealing` must be in [0, 1]. Received: annealing={annealing}")
    if annealing:
        if not isinstance(weight, int | float):
            raise ValueError(
                "`annealing` is for a `beta` that is a number; a schedule has its own. "
                f"Received: annealing={annealing}"
            )
        weight = linear(0.0, weight, math.ceil(annealing * training_steps))
    features = plan.backbone.encode(plan.encoder_input)
    mean = keras.layers.Dense(plan.code_dim, dtype="float32", name="code")(features)
    log_variance = keras.layers.Dense(plan.code_dim, dtype="float32", name="log_variance")(features)
    paid = GaussianKL(weight, free_nats, name="gaussian_kl")([mean, log_variance])
    drawn = GaussianSampling(seed, dtype="float32", name="gaussian_sampling")([paid, log_variance])
    return plan.autoencoder(mean, decoder_input=drawn)
