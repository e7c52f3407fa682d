"""`gated`: a sparse dictionary that decides apart which atoms are used, and how much."""

from __future__ import annotations

import keras

from zoo.autoencoder import Autoencoder
from zoo.layers import AuxiliaryReconstruction, Frozen, GatedDense, L1Penalty
from zoo.layers.schedules import Scheduled
from zoo.plan import Plan
from zoo.registry import variant
from zoo.variants._parts import dictionary, per_component, tracker


@variant(
    "gated",
    kind="sparse",
    source="Rajamanoharan et al. 2024",
    likelihood="gaussian",
    hidden=(),
)
def gated(
    plan: Plan,
    weight: Scheduled = 0.1,
    dead_after: int = 1000,
    resample_every: int = 1000,
    training_steps: int | None = None,
    unit_norm: bool = True,
) -> Autoencoder:
    """A sparse dictionary whose penalty acts on gates, so that activations do not shrink.

    The gates learn from an auxiliary reconstruction that reads them in place of the
    activations and leaves the decoder's weights alone.

    Args:
        plan: The input, the backbone and the size of the code.
        weight: Factor of the sum of rectified gates against the error summed over components.
            A schedule is taken as it is, against the mean error.
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
        [Rajamanoharan et al., Improving Dictionary Learning with Gated Sparse Autoencoders,
        2024](https://arxiv.org/abs/2404.16014)
    """
    features = plan.backbone.encode(plan.encoder_input)
    activations, gates = GatedDense(plan.code_dim, name="pre_activation")(features)
    code = keras.layers.Activation("linear", dtype="float32", name="code")(activations)
    rectified = keras.ops.relu(gates)
    decoder_input = tracker(dead_after, resample_every, training_steps)(code)[0]
    l1 = L1Penalty(per_component(plan, weight), name="gate_penalty")
    decoder_input = l1([decoder_input, rectified])
    auxiliary = AuxiliaryReconstruction(
        plan.likelihood, missing_values=plan.missing_values, name="gate_error"
    )
    # The gates learn from what is judged, the decoder does not.
    frozen = Frozen(name="frozen_decoder")
    decoder_input, judged = frozen([decoder_input, rectified, plan.backbone.decode(rectified)])
    decoder_input = auxiliary([decoder_input, plan.target, judged])
    return dictionary(plan, code, decoder_input, unit_norm)
