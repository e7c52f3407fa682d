"""`denoising`: the encoder reads spoilt inputs, the decoder restores them."""

from __future__ import annotations

import dataclasses

import keras

from zoo.autoencoder import Autoencoder
from zoo.plan import Plan
from zoo.registry import variant


@variant("denoising", kind="real", source="Vincent et al. 2010")
def denoising(plan: Plan, activation: str = "linear") -> Autoencoder:
    """Inputs are spoilt in training and must be restored; masking noise unless told otherwise.

    The kind of corruption, its level and the emphasis on corrupted components are options of
    `zoo.create`, and work with every other variant too.

    Args:
        plan: The input, the backbone, the size of the code and the corruption.
        activation: Activation of the code layer.

    Returns:
        The model.

    Reference:
        [Vincent et al., Stacked Denoising Autoencoders, 2010](https://jmlr.org/papers/v11/vincent10a.html)

    Example:
    >>> ae = zoo.create("denoising", (784,), 64, corruption="gaussian", corruption_level=0.5)
    """
    if plan.corruption is None:
        plan = dataclasses.replace(plan, corruption="masking")
    features = plan.backbone.encode(plan.encoder_input)
    return plan.autoencoder(keras.layers.Dense(plan.code_dim, activation, name="code")(features))
