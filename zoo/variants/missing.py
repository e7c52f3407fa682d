"""`missing`: inputs with holes, filled from what was observed."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras

from zoo.autoencoder import Autoencoder
from zoo.layers import HideObserved, MaskMissing, MissingIndicator
from zoo.layers.schedules import Scheduled
from zoo.plan import Plan
from zoo.registry import variant


@variant("missing", kind="real", source="Vincent et al. 2010", missing_values=True)
def missing(
    plan: Plan,
    hide: Scheduled = 0.3,
    fill: float = 0.0,
    explicit_mask: bool = False,
    activation: str = "linear",
    seed: int | None = None,
) -> Autoencoder:
    """Inputs with holes: further ones are hidden in training, and all must be filled.

    Missing values are NaN. The encoder reads the values and the mask of the observed ones; the
    error counts observed targets only. `zoo.impute` fills the holes of new data.

    Args:
        plan: The input, the backbone and the size of the code.
        hide: Probability that an observed value is hidden in training, a float or a schedule.
        fill: What the encoder reads in place of a missing value.
        explicit_mask: Whether the model takes a second input: `{"inputs": values, "observed":
            mask}`, the mask being 1 where a value was observed and 0 elsewhere.
        activation: Activation of the code layer.
        seed: Seed of what is hidden.

    Returns:
        The model.

    Raises:
        ValueError: If `hide` is out of range, or the input was preprocessed to another shape and
            `explicit_mask` is true.

    Reference:
        [Vincent et al., Stacked Denoising Autoencoders, 2010](https://jmlr.org/papers/v11/vincent10a.html)
        for masking noise; [Gondara & Wang, MIDA: Multiple Imputation using Denoising
        Autoencoders, 2018](https://arxiv.org/abs/1705.02737)
    """
    plan = dataclasses.replace(plan, missing_values=True)
    if explicit_mask:
        shape = tuple(plan.target.shape[1:])
        if tuple(plan.inputs.shape[1:]) != shape:
            raise ValueError(
                "`explicit_mask` wants a mask of the shape of the preprocessed input, which "
                f"differs from the raw one. Received: {tuple(plan.inputs.shape[1:])} and {shape}"
            )
        observed = keras.Input(shape, dtype="float32", name="observed")
        target = MaskMissing(name="mask_missing")([plan.target, observed])
        plan = dataclasses.replace(
            plan,
            inputs={"inputs": plan.inputs, "observed": observed},
            target=target,
            encoder_input=keras.layers.Identity(name="masked_input")(target),
        )
    indicator = MissingIndicator(fill, return_mask=True, name="missing_indicator")
    code_layer = keras.layers.Dense(plan.code_dim, activation, name="code")

    def encode(x: Any) -> Any:
        return code_layer(plan.backbone.encode_observed(*indicator(x)))

    x = plan.encoder_input
    hidden = HideObserved(hide, seed=seed, name="hide_observed")(x)
    return plan.autoencoder(encode(x), decoder_input=encode(hidden))
