"""`vector-quantized`: codes made of vectors from learnt codebooks."""

from __future__ import annotations

import keras

from zoo.autoencoder import Autoencoder
from zoo.layers import CommitmentPenalty, VectorQuantizer
from zoo.layers.schedules import Scheduled
from zoo.plan import Plan
from zoo.registry import variant
from zoo.variants._parts import per_component

# Units of each quantized vector where the number of groups is not given.
WIDTH = 8


@variant("vector-quantized", kind="discrete", source="van den Oord et al. 2017")
def vector_quantized(
    plan: Plan,
    codes: int = 256,
    groups: int | None = None,
    commitment: Scheduled = 0.25,
    momentum: float = 0.99,
    restart_below: float = 0.03,
    seed: int | None = None,
) -> Autoencoder:
    """Codes made of vectors from learnt codebooks, one for each group of units.

    Args:
        plan: The input, the backbone and the size of the code.
        codes: Number of vectors in each codebook.
        groups: Number of vectors in a code; if omitted, as many as make vectors of 8 units, or
            1 if 8 does not divide `code_dim`.
        commitment: Factor of the squared distance of pre-activations from their vectors,
            against the error summed over components. A schedule is taken as it is, against the
            mean error.
        momentum: Weight of the past in the moving means that the codebooks are.
        restart_below: Share of the mean use below which a vector starts again at an example.
        seed: Seed of the initial codebooks.

    Returns:
        The model. Its codes are the quantized vectors, one after the other.

    Raises:
        ValueError: If an option is out of range or `groups` does not divide `code_dim`.

    Reference:
        [van den Oord, Vinyals & Kavukcuoglu, Neural Discrete Representation Learning,
        2017](https://arxiv.org/abs/1711.00937)
    """
    if groups is None:
        groups = plan.code_dim // WIDTH if plan.code_dim % WIDTH == 0 else 1
    features = plan.backbone.encode(plan.encoder_input)
    latent = keras.layers.Dense(plan.code_dim, dtype="float32", name="latent")(features)
    quantizer = VectorQuantizer(codes, groups, momentum, restart_below, seed, name="code")
    code, _ = quantizer(latent)
    penalty = CommitmentPenalty(per_component(plan, commitment, "commitment"), name="commitment")
    return plan.autoencoder(code, decoder_input=penalty([code, latent]))
