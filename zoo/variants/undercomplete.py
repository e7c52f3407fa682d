"""`undercomplete`: a code narrower than the input is all that stops the copying."""

from __future__ import annotations

import keras

from zoo.autoencoder import Autoencoder
from zoo.registry import Plan, variant


@variant("undercomplete", kind="real", source="Hinton & Salakhutdinov 2006")
def undercomplete(plan: Plan, activation: str = "linear") -> Autoencoder:
    """Nothing but a narrow code.

    Args:
        plan: The input, the backbone and the size of the code.
        activation: Activation of the code layer.

    Returns:
        The model.

    Reference:
        [Hinton & Salakhutdinov, Reducing the Dimensionality of Data with Neural Networks,
        2006](https://doi.org/10.1126/science.1127647)
    """
    features = plan.backbone.encode(plan.encoder_input)
    return plan.autoencoder(keras.layers.Dense(plan.code_dim, activation, name="code")(features))
