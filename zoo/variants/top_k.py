"""`top-k`: a sparse dictionary whose examples use k atoms each."""

from __future__ import annotations

import keras

from zoo.autoencoder import Autoencoder
from zoo.layers import TopK
from zoo.plan import Plan
from zoo.registry import variant
from zoo.variants._parts import dictionary, few, pre_activation, revive, tracker


@variant(
    "top-k",
    kind="sparse",
    source="Gao et al. 2024",
    likelihood="gaussian",
    hidden=(),
)
def top_k(
    plan: Plan,
    k: int | None = None,
    auxiliary_weight: float = 1 / 32,
    dead_after: int = 1000,
    resample_every: int = 0,
    training_steps: int | None = None,
    unit_norm: bool = True,
) -> Autoencoder:
    """A sparse dictionary: each example is k atoms; dead ones learn from what is left over.

    Made for embeddings of any model, with an encoder and a decoder of one layer, which are the
    defaults here.

    Args:
        plan: The input, the backbone and the size of the code.
        k: Number of active units at most; the square root of `code_dim` if omitted.
        auxiliary_weight: Factor of the error that dead units leave when they join the others;
            0 for none. While no unit is dead nothing is decoded twice.
        dead_after: Steps of training without activity after which a unit counts as dead.
        resample_every: Steps between two rounds in which dead units are set anew at examples that
            are reconstructed badly, see `zoo.resampling`; 0 for none, as the second error does
            that work here.
        training_steps: Steps that the model will be trained for, if known; resampling ends with
            the first half.
        unit_norm: Whether atoms, the weights that read each unit, are held at length 1.

    Returns:
        The model.

    Raises:
        ValueError: If an option is out of range, or the backbone's decoder does not begin with
            a dense layer and `unit_norm` is true.

    Reference:
        [Gao et al., Scaling and Evaluating Sparse Autoencoders,
        2024](https://arxiv.org/abs/2406.04093)
    """
    rectify = keras.layers.Activation("relu", dtype="float32", name="rectified")
    rectified = rectify(pre_activation(plan))
    k = few(plan.code_dim) if k is None else k
    code = TopK(k, dtype="float32", name="code")(rectified)
    dead_units = tracker(dead_after, resample_every, training_steps)
    revived = revive(plan, code, rectified, auxiliary_weight, dead_units)
    return dictionary(plan, code, revived, unit_norm)
