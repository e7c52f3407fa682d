"""`contractive` and `higher-order-contractive`: codes that resist small changes of inputs."""

from __future__ import annotations

from typing import Any

import keras

from zoo.autoencoder import Autoencoder
from zoo.layers import HessianPenalty, JacobianPenalty
from zoo.layers.schedules import Scheduled
from zoo.plan import Plan
from zoo.registry import variant
from zoo.variants._parts import per_component


@variant("contractive", kind="real", source="Rifai et al. 2011")
def contractive(
    plan: Plan,
    weight: Scheduled = 0.1,
    activation: str = "sigmoid",
    method: str = "auto",
    probes: int = 1,
    seed: int | None = None,
) -> Autoencoder:
    """Codes that change little where inputs change a little, by a penalty on the Jacobian.

    Args:
        plan: The input, the backbone and the size of the code.
        weight: Factor of the penalty against the error summed over components, as in the
            paper; a schedule is taken as it is, against the averaged error.
        activation: Activation of the code layer.
        method: How the Jacobian is found, see `zoo.layers.JacobianPenalty`.
        probes: Number of random directions of each example, for `method="probe"`.
        seed: Seed of the directions.

    Returns:
        The model.

    Raises:
        ValueError: If an option is wrong or the method does not suit the encoder.

    Reference:
        [Rifai et al., Contractive Auto-Encoders, 2011](https://icml.cc/2011/papers/455_icmlpaper.pdf)
    """
    code = _code(plan, activation)
    penalty = JacobianPenalty(
        per_component(plan, weight), method, probes, seed, name="jacobian_penalty"
    )
    return plan.autoencoder(code, decoder_input=penalty([code, plan.encoder_input]))


@variant("higher-order-contractive", kind="real", source="Rifai et al. 2011")
def higher_order_contractive(
    plan: Plan,
    weight: Scheduled = 0.1,
    hessian_weight: Scheduled = 0.1,
    stddev: float = 0.1,
    samples: int = 2,
    activation: str = "sigmoid",
    method: str = "auto",
    probes: int = 1,
    seed: int | None = None,
) -> Autoencoder:
    """Contractive, and the Jacobian itself changes little from a point to its neighbours.

    Args:
        plan: The input, the backbone and the size of the code.
        weight: Factor of the penalty on the Jacobian, as for `contractive`.
        hessian_weight: Factor of the penalty on its change.
        stddev: Standard deviation of the noise that makes neighbours.
        samples: Number of neighbours of each example.
        activation: Activation of the code layer.
        method: How the Jacobian is found, see `zoo.layers.JacobianPenalty`.
        probes: Number of random directions of each example, for `method="probe"`.
        seed: Seed of noise and directions.

    Returns:
        The model.

    Raises:
        ValueError: If an option is wrong or the method does not suit the encoder.

    Reference:
        [Rifai et al., Higher Order Contractive Auto-Encoder,
        2011](https://doi.org/10.1007/978-3-642-23783-6_41)
    """
    code = _code(plan, activation)
    first = JacobianPenalty(
        per_component(plan, weight), method, probes, seed, name="jacobian_penalty"
    )
    second = HessianPenalty(
        per_component(plan, hessian_weight, "hessian_weight"),
        stddev=stddev,
        samples=samples,
        method=method,
        probes=probes,
        seed=seed,
        name="hessian_penalty",
    )
    x = plan.encoder_input
    return plan.autoencoder(code, decoder_input=second([first([code, x]), x]))


def _code(plan: Plan, activation: str) -> Any:
    features = plan.backbone.encode(plan.encoder_input)
    return keras.layers.Dense(plan.code_dim, activation, name="code")(features)
