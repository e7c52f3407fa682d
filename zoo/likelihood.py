"""How a reconstruction is judged: the distribution of an input given its code."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

LIKELIHOODS = ("bernoulli", "gaussian", "multinomial")

# Below this a probability counts as this: the logarithm stays finite.
TINY = 1e-7


def check_likelihood(name: str) -> str:
    """Returns `name` if it is a known likelihood.

    Raises:
        ValueError: If it is not.
    """
    if name not in LIKELIHOODS:
        raise ValueError(
            f"`likelihood` must be one of {', '.join(LIKELIHOODS)}. Received: likelihood={name!r}"
        )
    return name


def output_layer(likelihood: str) -> keras.layers.Layer:
    """The decoder's last activation: probabilities, or means for Gaussian."""
    activation = {"bernoulli": "sigmoid", "gaussian": "linear", "multinomial": "softmax"}
    # float32 whatever the policy: a probability of 1 - 1e-4 is 1 in half precision.
    return keras.layers.Activation(
        activation[check_likelihood(likelihood)], dtype="float32", name="reconstruction"
    )


def check_targets(likelihood: str, targets: np.ndarray, name: str) -> None:
    """Checks that a likelihood can judge preprocessed data; NaN is left to the caller.

    Args:
        likelihood: See `reconstruction_error`.
        targets: Preprocessed data.
        name: What to call the data in the message.

    Raises:
        ValueError: If a value is one that the likelihood gives no probability.
    """
    if likelihood == "gaussian" or np.isnan(targets).all():
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
            are counts or weights, reconstructions probabilities that sum to 1).
        target: Tensor `[batch, ...]`.
        reconstruction: Tensor of the same shape.
        weight: Factor of each component's error, a tensor of the same shape; 1 if omitted.
        missing_values: Whether NaN in the target means "not observed": such components do
            not count. Otherwise NaN makes the error NaN.

    Returns:
        float32 tensor `[batch]`.
    """
    ops = keras.ops
    target, reconstruction = _rows(target), _rows(reconstruction)
    observed = None
    if missing_values:
        observed = ops.logical_not(ops.isnan(target))
        target = ops.where(observed, target, 0.0)
    if likelihood == "bernoulli":
        errors = ops.binary_crossentropy(target, reconstruction)
    elif likelihood == "gaussian":
        errors = ops.square(target - reconstruction)
    else:
        errors = -target * ops.log(ops.maximum(reconstruction, TINY))
    if observed is not None:
        errors = ops.where(observed, errors, 0.0)
    if weight is not None:
        errors *= _rows(weight)
    if likelihood == "multinomial":
        return _ratio(ops.sum(errors, axis=-1), ops.sum(target, axis=-1))
    if observed is None:
        return ops.mean(errors, axis=-1)
    return _ratio(ops.sum(errors, axis=-1), ops.sum(ops.cast(observed, "float32"), axis=-1))


def _ratio(total: Any, count: Any) -> Any:
    # 0 of 0 is 0: an example of which nothing was observed has no error.
    return total / keras.ops.where(count > 0, count, 1.0)


def _rows(x: Any) -> Any:
    # -1 for the batch alone: the product of the others is known, and XLA wants it static.
    size = 1
    for dim in x.shape[1:]:
        size *= dim
    return keras.ops.reshape(keras.ops.cast(x, "float32"), (-1, size))
