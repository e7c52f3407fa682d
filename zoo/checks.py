"""Checks of training data, so that a wrong array fails in one line before training starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from zoo.layers.table_encoding import as_strings
from zoo.likelihood import check_targets

if TYPE_CHECKING:
    from zoo.autoencoder import Autoencoder

# Rows whose preprocessed values are compared with what the likelihood allows.
SAMPLE = 256


def check_training_data(model: Autoencoder, x: Any, name: str) -> None:
    """Checks an array against a model; data sets and generators are left to Keras.

    Args:
        model: The autoencoder to be trained.
        x: Anything that `fit` takes.
        name: The argument's name, for the message.

    Raises:
        ValueError: If `x` is an array without rows, of the wrong type or shape, with NaN or
            infinity, or with targets that the likelihood cannot judge.
    """
    x = as_numbers(model, x, name)
    if not isinstance(x, np.ndarray):
        return
    if len(x) == 0:
        raise ValueError(f"`{name}` must have at least one row. Received: shape={x.shape}")
    wanted = tuple(model.input_shape[1:])
    if x.shape[1:] != wanted:
        hint = " (add a channel axis: x[..., None])" if (*x.shape[1:], 1) == wanted else ""
        raise ValueError(
            f"`{name}` must have the shape {(None, *wanted)}{hint}. Received: shape={x.shape}"
        )
    if np.issubdtype(x.dtype, np.floating):
        is_bad = np.isinf if model.missing_values else lambda row: ~np.isfinite(row)
        bad = next((i for i, row in enumerate(x) if is_bad(row).any()), None)
        if bad is not None:
            hint = "" if model.missing_values else "; the variant `missing` takes NaN"
            raise ValueError(
                f"`{name}` must be finite; remove or fill missing values{hint}. "
                f"Received: NaN or infinity in row {bad} of {len(x)}"
            )
    if model.likelihood not in ("bernoulli", "multinomial"):
        return
    sample = x[:: max(1, len(x) // SAMPLE)]
    check_targets(
        model.likelihood,
        keras.ops.convert_to_numpy(model.preprocessor(texts_to_tensor(sample))),
        name,
    )


def as_numbers(model: keras.Model, x: Any, name: str = "x") -> Any:
    """Turns an array of objects into floats where the model reads numbers; all else stays.

    Args:
        model: An autoencoder or a part of it.
        x: Anything that `fit` takes.
        name: The argument's name, for the message.

    Returns:
        `x`, or float32 of the same shape, in which `None` is NaN.

    Raises:
        ValueError: If the model reads numbers and these are none.
    """
    if isinstance(model.input, dict) or model.inputs[0].dtype == "string":
        return x
    array = np.asarray(x) if _is_texts(x) else x
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "OSU":
        return x
    try:
        if array.dtype.kind == "O":
            return array.astype("float32")
    except (TypeError, ValueError):
        pass
    raise ValueError(
        f"`{name}` must be numbers, for that is what the model reads; one that reads texts or "
        f"tables of categories is made with `adapt`. Received: {array.ravel()[:1].tolist()}, ..."
    )


def readable(model: keras.Model, x: Any, name: str = "x") -> Any:
    """What Keras can feed to a model: numbers by `as_numbers`, texts by `texts_to_tensor`."""
    return texts_to_tensor(as_numbers(model, x, name))


def _is_texts(x: Any) -> bool:
    return isinstance(x, list | tuple) and bool(x) and all(isinstance(t, str | bytes) for t in x)


def texts_to_tensor(x: Any) -> Any:
    """Turns texts, a list or a NumPy array, into a tensor, for Keras refuses them; all else stays.

    What is no string in an array of objects becomes one, see `as_strings`.
    """
    if _is_texts(x):
        return tf.constant(x)
    is_text = isinstance(x, np.ndarray) and x.dtype.kind in "OSU"
    return tf.constant(as_strings(x)) if is_text else x
