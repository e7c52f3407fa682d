"""How a reconstruction is judged: the distribution of an input given its code."""

from __future__ import annotations

import re
from typing import Any

import keras
import numpy as np

from zoo.layers.table_output import TableOutput

LIKELIHOODS = ("bernoulli", "gaussian", "multinomial")

# Below this a probability counts as this: the logarithm stays finite.
TINY = 1e-7


def check_likelihood(name: str) -> str:
    """Returns `name` if it is a known likelihood.

    Raises:
        ValueError: If it is not.
    """
    if name not in LIKELIHOODS and not is_table(name):
        raise ValueError(
            f"`likelihood` must be one of {', '.join(LIKELIHOODS)}. Received: likelihood={name!r}"
        )
    return name


def output_layer(likelihood: str, rank: int) -> keras.layers.Layer:
    """The decoder's last activation: probabilities, or means for Gaussian.

    Args:
        likelihood: See `reconstruction_error`.
        rank: Number of axes of one example.

    Returns:
        A layer that keeps the shape and computes in float32 whatever the policy, for a
        probability of 1 - 1e-4 is 1 in half precision.
    """
    how = {"dtype": "float32", "name": "reconstruction"}
    if is_table(likelihood):
        numeric, groups = table_columns(likelihood)
        return TableOutput(numeric, groups, **how)
    if likelihood == "multinomial":
        return keras.layers.Softmax(axis=tuple(range(1, rank + 1)), **how)
    activation = "sigmoid" if check_likelihood(likelihood) == "bernoulli" else "linear"
    return keras.layers.Activation(activation, **how)


def is_table(likelihood: str) -> bool:
    """Whether a likelihood is that of a table, `"table:3,4,2"` say."""
    return bool(re.fullmatch(r"table:\d+(,[1-9]\d*)*", likelihood))


def table_columns(likelihood: str) -> tuple[int, tuple[int, ...]]:
    """The number of numeric columns, and the number of categories of each other column."""
    numeric, *groups = (int(number) for number in likelihood.removeprefix("table:").split(","))
    return numeric, tuple(groups)


def error_unit(likelihood: str) -> str:
    """What a reconstruction error is counted in: `"nats per component"`, for instance."""
    if is_table(likelihood):
        numeric, groups = table_columns(likelihood)
        units = ["squared error"] * bool(numeric) + ["nats"] * bool(groups)
        return f"{' and '.join(units)} per column"
    return {
        "bernoulli": "nats per component",
        "gaussian": "squared error per component",
        "multinomial": "nats per word",
    }[likelihood]


def check_targets(likelihood: str, targets: np.ndarray, name: str) -> None:
    """Checks that a likelihood can judge preprocessed data; NaN is left to the caller.

    Args:
        likelihood: See `reconstruction_error`.
        targets: Preprocessed data.
        name: What to call the data in the message.

    Raises:
        ValueError: If a value is one that the likelihood gives no probability.
    """
    if likelihood not in ("bernoulli", "multinomial") or np.isnan(targets).all():
        return
    low, high = float(np.nanmin(targets)), float(np.nanmax(targets))
    if likelihood == "bernoulli" and (low < 0 or high > 1):
        raise ValueError(
            f"`{name}` must lie in [0, 1] for likelihood='bernoulli': scale it, pass "
            "preprocessing=keras.layers.Rescaling(1 / 255) for bytes of pixels, or use "
            f"likelihood='gaussian'. Received: values from {low:g} to {high:g}"
        )
    if likelihood == "multinomial" and low < 0:
        raise ValueError(
            f"`{name}` must be counts or weights, not negative, for likelihood='multinomial'. "
            f"Received: values from {low:g} to {high:g}"
        )


def reconstruction_error(
    likelihood: str,
    target: Any,
    reconstruction: Any,
    weight: Any = None,
    missing_values: bool = False,
) -> Any:
    """The error of each example, averaged over what was observed of it.

    Args:
        likelihood: `"bernoulli"` (cross-entropy in nats; targets in [0, 1]), `"gaussian"`
            (squared error) or `"multinomial"` (cross-entropy in nats per counted item; targets
            are counts or weights, reconstructions probabilities that sum to 1), or
            `"table:N,G,H"` for the output of `TableEncoding` (squared error of N numeric columns
            and cross-entropy of columns of G and of H categories, averaged over the columns
            that were observed).
        target: Tensor `[batch, ...]`.
        reconstruction: Tensor of the same shape.
        weight: Factor of each component's error, a tensor of the same shape; 1 if omitted.
        missing_values: Whether NaN in the target means "not observed": such components do
            not count. Otherwise NaN makes the error NaN.

    Returns:
        float32 tensor `[batch]`.
    """
    ops = keras.ops
    shaped, target, reconstruction = reconstruction, _rows(target), _rows(reconstruction)
    observed = None
    if missing_values:
        observed = ops.logical_not(ops.isnan(target))
        target = ops.where(observed, target, 0.0)
    if likelihood == "bernoulli":
        # As the decoder made it: Keras knows the logits of a sigmoid's own output and computes
        # with these, which is faster, and exact for probabilities next to 0 and 1.
        shaped = ops.cast(shaped, "float32")
        errors = _rows(ops.binary_crossentropy(ops.reshape(target, ops.shape(shaped)), shaped))
    elif likelihood == "gaussian":
        errors = ops.square(target - reconstruction)
    elif likelihood == "multinomial":
        errors = _categorical(target, reconstruction)
    else:
        numeric, _ = table_columns(likelihood)
        squares = ops.square(target[:, :numeric] - reconstruction[:, :numeric])
        others = _categorical(target[:, numeric:], reconstruction[:, numeric:])
        errors = ops.concatenate([squares, others], axis=-1)
    if observed is not None:
        errors = ops.where(observed, errors, 0.0)
    if weight is not None:
        errors *= _rows(weight)
    if likelihood == "multinomial":
        return _ratio(ops.sum(errors, axis=-1), ops.sum(target, axis=-1))
    if is_table(likelihood):
        # A known category counts as one column, an unknown one, all zeros, as none.
        counted = ops.ones_like(target) if observed is None else ops.cast(observed, "float32")
        counted = ops.concatenate([counted[:, :numeric], target[:, numeric:]], axis=-1)
        return _ratio(ops.sum(errors, axis=-1), ops.sum(counted, axis=-1))
    if observed is None:
        return ops.mean(errors, axis=-1)
    return _ratio(ops.sum(errors, axis=-1), ops.sum(ops.cast(observed, "float32"), axis=-1))


def _categorical(target: Any, probability: Any) -> Any:
    return -target * keras.ops.log(keras.ops.maximum(probability, TINY))


def _ratio(total: Any, count: Any) -> Any:
    # 0 of 0 is 0: an example of which nothing was observed has no error.
    return total / keras.ops.where(count > 0, count, 1.0)


def _rows(x: Any) -> Any:
    # -1 for the batch alone: the product of the others is known, and XLA wants it static.
    size = 1
    for dim in x.shape[1:]:
        size *= dim
    return keras.ops.reshape(keras.ops.cast(x, "float32"), (-1, size))
