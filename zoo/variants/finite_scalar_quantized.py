"""`finite-scalar-quantized`: every unit of the code takes one of a few values."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from zoo.autoencoder import Autoencoder
from zoo.layers import FiniteScalarQuantizer
from zoo.plan import Plan
from zoo.registry import variant


@variant("finite-scalar-quantized", kind="discrete", source="Mentzer et al. 2023")
def finite_scalar_quantized(plan: Plan, levels: int | Sequence[int] = 5) -> Autoencoder:
    """Every unit of the code is rounded to one of a few levels; there is nothing to tune.

    Args:
        plan: The input, the backbone and the size of the code.
        levels: Number of levels of every unit, at least 2, or one number for each unit.

    Returns:
        The model.

    Raises:
        ValueError: If `levels` is wrong.

    Reference:
        [Mentzer et al., Finite Scalar Quantization: VQ-VAE Made Simple,
        2023](https://arxiv.org/abs/2309.15505)
    """
    features = plan.backbone.encode(plan.encoder_input)
    latent = keras.layers.Dense(plan.code_dim, dtype="float32", name="latent")(features)
    return plan.autoencoder(FiniteScalarQuantizer(levels, name="code")(latent))
