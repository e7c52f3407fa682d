"""`jump-relu`: a sparse dictionary with a learnt threshold for each atom."""

from __future__ import annotations

from zoo.autoencoder import Autoencoder
from zoo.layers import JumpReLU, L1Penalty
from zoo.layers.schedules import Scheduled
from zoo.plan import Plan
from zoo.registry import variant
from zoo.variants._parts import dictionary, per_component, pre_activation, tracker


@variant(
    "jump-relu",
    kind="sparse",
    source="Rajamanoharan et al. 2024",
    likelihood="gaussian",
    hidden=(),
)
def jump_relu(
    plan: Plan,
    weight: Scheduled = 0.05,
    threshold: float = 0.1,
    bandwidth: float = 0.1,
    dead_after: int = 1000,
    resample_every: int = 1000,
    training_steps: int | None = None,
    unit_norm: bool = True,
) -> Autoencoder:
    """A sparse dictionary that penalises the number of active units by learning thresholds.

    Args:
        plan: The input, the backbone and the size of the code.
        weight: What an active unit costs, against the error summed over components. A schedule
            is taken as it is, against the mean error.
        threshold: Initial threshold of every unit, positive.
        bandwidth: Width of the window around a threshold from which it learns, positive.
        dead_after: Steps of training without activity after which a unit counts as dead.
        resample_every: Steps between two rounds in which dead units are set anew at examples that
            are reconstructed badly, see `zoo.resampling`; 0 for none.
        training_steps: As for `top-k`.
        unit_norm: As for `top-k`.

    Returns:
        The model.

    Raises:
        ValueError: As for `top-k`.

    Reference:
        [Rajamanoharan et al., Jumping Ahead: Improving Reconstruction Fidelity with JumpReLU
        Sparse Autoencoders, 2024](https://arxiv.org/abs/2407.14435)
    """
    jump = JumpReLU(threshold, bandwidth, dtype="float32", name="code")
    code, active = jump(pre_activation(plan))
    l0 = L1Penalty(per_component(plan, weight), name="l0_penalty")
    tracked = tracker(dead_after, resample_every, training_steps)(code)[0]
    decoder_input = l0([tracked, active])
    return dictionary(plan, code, decoder_input, unit_norm)
