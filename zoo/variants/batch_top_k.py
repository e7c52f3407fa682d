"""`batch-top-k`: a sparse dictionary whose examples use k atoms on average."""

from __future__ import annotations

import keras

from zoo.autoencoder import Autoencoder
from zoo.layers import BatchTopK
from zoo.plan import Plan
from zoo.registry import variant
from zoo.variants._parts import dictionary, few, pre_activation, revive, tracker


@variant(
    "batch-top-k",
    kind="sparse",
    source="Bussmann et al. 2024",
    likelihood="gaussian",
    hidden=(),
)
def batch_top_k(
    plan: Plan,
    k: int | None = None,
    momentum: float = 0.99,
    auxiliary_weight: float = 1 / 32,
    dead_after: int = 1000,
    resample_every: int = 0,
    training_steps: int | None = None,
    unit_norm: bool = True,
) -> Autoencoder:
    """A sparse dictionary: k atoms an example on average, more for those that need more.

    Args:
        plan: The input, the backbone and the size of the code.
        k: Mean number of active units; the square root of `code_dim` if omitted.
        momentum: Weight of the past in the threshold that stands for the batch outside of
            training, in [0, 1).
        auxiliary_weight: As for `top-k`.
        dead_after: As for `top-k`.
        resample_every: As for `top-k`.
        training_steps: As for `top-k`.
        unit_norm: As for `top-k`.

    Returns:
        The model.

    Raises:
        ValueError: As for `top-k`.

    Reference:
        [Bussmann, Leask & Nanda, BatchTopK Sparse Autoencoders,
        2024](https://arxiv.org/abs/2412.06410)
    """
    rectify = keras.layers.Activation("relu", dtype="float32", name="rectified")
    rectified = rectify(pre_activation(plan))
    k = few(plan.code_dim) if k is None else k
    code = BatchTopK(k, momentum, dtype="float32", name="code")(rectified)
    dead_units = tracker(dead_after, resample_every, training_steps)
    revived = revive(plan, code, rectified, auxiliary_weight, dead_units)
    return dictionary(plan, code, revived, unit_norm)
