"""What several variants share: scales, and the parts of a sparse dictionary."""

from __future__ import annotations

import math
from typing import Any

import keras

from zoo.autoencoder import Autoencoder
from zoo.layers import DeadReconstruction, DeadUnits, unit_norm_decoder
from zoo.layers.schedules import read_schedule
from zoo.plan import Plan


def per_component(plan: Plan, weight: Any, name: str = "weight") -> Any:
    """A weight against the summed error of an example, for a loss that averages it.

    Papers sum the error over the components of an example, `reconstruction_error` averages.
    Schedules are taken as they are.

    Raises:
        ValueError: If it is neither a schedule nor a number of at least 0; names the option.
    """
    weight = read_schedule(weight, name)
    if not isinstance(weight, int | float):
        return weight
    return weight / math.prod(plan.target.shape[1:])


def few(units: int) -> int:
    """A number of active units where none is given: the square root of all, rounded."""
    return max(1, round(math.sqrt(units)))


def pre_activation(plan: Plan) -> Any:
    """Linear units on the features of the input."""
    features = plan.backbone.encode(plan.encoder_input)
    return keras.layers.Dense(plan.code_dim, name="pre_activation")(features)


def tracker(patience: int, resample_every: int, training_steps: int | None) -> DeadUnits:
    """The layer that counts idle steps, and says when dead units are resampled.

    Args:
        patience: Steps without activity after which a unit is dead.
        resample_every: Steps between two rounds of resampling; 0 for none.
        training_steps: Steps of the whole training, where they are known: resampling ends with
            the first half, for units that are set anew need time to find their place.

    Returns:
        The layer.
    """
    until = None if training_steps is None else training_steps // 2
    return DeadUnits(patience, resample_every, until, name="dead_units")


def revive(plan: Plan, code: Any, rectified: Any, weight: float, dead_units: DeadUnits) -> Any:
    """Tracks dead units and lets them learn from what the living ones leave over.

    Args:
        plan: The plan.
        code: The sparse code.
        rectified: The activations that it was chosen from.
        weight: Factor of the error of the auxiliary reconstruction; 0 only tracks.
        dead_units: Tells which units are dead.

    Returns:
        The code, for the decoder to read.
    """
    code, dead = dead_units(code)
    if not weight:
        return code
    share = max(1, plan.code_dim // 2)
    joining = DeadReconstruction(
        share, plan.likelihood, weight, plan.missing_values, name="auxiliary_error"
    )
    return joining([code, plan.target, rectified, dead, plan.backbone.decode(code)])


def dictionary(plan: Plan, code: Any, decoder_input: Any, unit_norm: bool) -> Autoencoder:
    """Completes the model, with rows of length 1 in the decoder if wanted.

    An encoder of one layer starts as the transpose of a decoder of one layer.
    """
    model = plan.autoencoder(code, decoder_input)
    if not unit_norm:
        return model
    atoms = unit_norm_decoder(model.decoder).kernel
    kernel = next(
        v for v in model.encoder.trainable_variables if v.path.endswith("pre_activation/kernel")
    )
    if tuple(kernel.shape) == tuple(reversed(atoms.shape)):
        kernel.assign(keras.ops.transpose(atoms))
    return model
