"""`undercomplete` and `linear`: a code narrower than the input is all that stops the copying."""

from __future__ import annotations

import keras

from zoo.autoencoder import Autoencoder
from zoo.backbones.dense import Dense
from zoo.plan import Plan
from zoo.registry import variant


@variant("undercomplete", kind="real", source="Hinton & Salakhutdinov 2006")
def undercomplete(plan: Plan, activation: str = "linear", weight_decay: float = 0.0) -> Autoencoder:
    """Nothing but a narrow code.

    Args:
        plan: The input, the backbone and the size of the code.
        activation: Activation of the code layer.
        weight_decay: Factor, in the loss, of the sum of all squared kernels.

    Returns:
        The model.

    Raises:
        ValueError: If `weight_decay` is negative.

    Reference:
        [Hinton & Salakhutdinov, Reducing the Dimensionality of Data with Neural Networks,
        2006](https://doi.org/10.1126/science.1127647)
    """
    features = plan.backbone.encode(plan.encoder_input)
    code = keras.layers.Dense(plan.code_dim, activation, name="code")(features)
    return _decay(plan.autoencoder(code), weight_decay)


@variant("linear", kind="real", source="Baldi & Hornik 1989", likelihood="gaussian", hidden=())
def linear(plan: Plan, weight_decay: float = 0.0) -> Autoencoder:
    """One linear layer each way: the code spans the space of the principal components.

    With the dense backbone's `tied=True` both ways share one kernel.

    Args:
        plan: The input, the dense backbone without hidden layers, and the size of the code.
        weight_decay: Factor, in the loss, of the sum of all squared kernels.

    Returns:
        The model.

    Raises:
        ValueError: If the backbone is another or has hidden layers, or `weight_decay` is
            negative.

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
    return undercomplete(plan, "linear", weight_decay)


def _decay(model: Autoencoder, weight: float) -> Autoencoder:
    if weight < 0:
        raise ValueError(f"`weight_decay` must not be negative. Received: weight_decay={weight}")
    if weight:
        decay = keras.regularizers.L2(weight)
        for layer in model.layers:
            if hasattr(layer, "kernel") and hasattr(layer, "kernel_regularizer"):
                # The layer's is saved with it, the variable's is what the loss reads.
                layer.kernel_regularizer = layer.kernel.regularizer = decay
    return model
