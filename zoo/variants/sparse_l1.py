"""`sparse-l1`: few active units, by a penalty on the sum of activations."""

from __future__ import annotations

import keras

from zoo.autoencoder import Autoencoder
from zoo.layers import L1Penalty, unit_norm_decoder
from zoo.layers.schedules import Scheduled
from zoo.plan import Plan
from zoo.registry import variant
from zoo.variants._parts import per_component


@variant("sparse-l1", kind="sparse", source="Ranzato et al. 2006")
def sparse_l1(plan: Plan, weight: Scheduled = 0.1, unit_norm: bool = True) -> Autoencoder:
    """Few active units, by a penalty on the sum of activations.

    Args:
        plan: The input, the backbone and the size of the code.
        weight: Factor of the sum of activations against the error summed over components. A
            schedule is taken as it is, against the mean error.
        unit_norm: Whether the weights that read each unit are held at length 1, so that
            activations cannot shrink while those grow.

    Returns:
        The model.

    Raises:
        ValueError: If `weight` is negative, or the backbone's decoder does not begin with a
            dense layer and `unit_norm` is true.

    Reference:
        [Ranzato et al., Efficient Learning of Sparse Representations with an Energy-Based
        Model, 2006](https://papers.nips.cc/paper/2006/hash/87f4d79e36d68c3031ccf6c55e9bbd39-Abstract.html)
    """
    features = plan.backbone.encode(plan.encoder_input)
    logits = keras.layers.Dense(plan.code_dim, name="pre_activation")(features)
    code = keras.layers.Activation("relu", dtype="float32", name="code")(logits)
    penalty = L1Penalty(per_component(plan, weight), name="l1_penalty")
    model = plan.autoencoder(code, decoder_input=penalty(code))
    if unit_norm:
        unit_norm_decoder(model.decoder)
    return model
