"""How a reconstruction is judged: the distribution of an input given its code."""

from __future__ import annotations

from typing import Any

import keras

LIKELIHOODS = ("bernoulli", "gaussian")


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


def output_activation(likelihood: str) -> str:
    """The decoder's last activation: probabilities for Bernoulli, means for Gaussian."""
    return "sigmoid" if check_likelihood(likelihood) == "bernoulli" else "linear"


def reconstruction_error(likelihood: str, target: Any, reconstruction: Any) -> Any:
    """The error of each example, averaged over its components.

    Args:
        likelihood: `"bernoulli"` (cross-entropy in nats; targets in [0, 1]) or `"gaussian"`
            (squared error).
        target: Tensor `[batch, ...]`.
        reconstruction: Tensor of the same shape.

    Returns:
        float32 tensor `[batch]`.
    """
    target = _rows(target)
    reconstruction = _rows(reconstruction)
    if likelihood == "bernoulli":
        return keras.losses.binary_crossentropy(target, reconstruction)
    return keras.losses.mean_squared_error(target, reconstruction)


def _rows(x: Any) -> Any:
    # -1 for the batch alone: the product of the others is known, and XLA wants it static.
    size = 1
    for dim in x.shape[1:]:
        size *= dim
    return keras.ops.reshape(keras.ops.cast(x, "float32"), (-1, size))
