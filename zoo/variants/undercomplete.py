"""`undercomplete` and `linear`: a code narrower than the input is all that stops the copying."""

from __future__ import annotations

import keras

from zoo.autoencoder import Autoencoder
from zoo.backbones.dense import Dense
from zoo.plan import Plan
from zoo.registry import variant


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
    code = keras.layers.Dense(plan.code_dim, activation, name="code")(features)
    return plan.autoencoder(code)


@variant("linear", kind="real", source="Baldi & Hornik 1989", likelihood="gaussian", hidden=())
def linear(plan: Plan) -> Autoencoder:
    """One linear layer each way: the code spans the space of the principal components.

    With the dense backbone's `tied=True` both ways share one kernel.

    Args:
        plan: The input, the dense backbone without hidden layers, and the size of the code.

    Returns:
        The model.

    Raises:
        ValueError: If the backbone is another or has hidden layers.

    Reference:
        [Baldi & Hornik, Neural Networks and Principal Component Analysis,
        1989](https://doi.org/10.1016/0893-6080(89)90014-2)
    """
    if type(plan.backbone) is not Dense or plan.backbone.hidden:
        raise ValueError(
            "The linear variant wants backbone='dense' with hidden=(); use 'undercomplete' for "
            f"others. Received: {type(plan.backbone).__name__} with "
            f"hidden={getattr(plan.backbone, 'hidden', None)}"
        )
    return undercomplete(plan, "linear")
