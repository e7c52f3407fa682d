"""The inputs that a version is proved, warmed up and recorded with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from export.signatures import Arrays


def draw(
    specs: Sequence[tf.TensorSpec], rows: int = 8, seed: int = 0, missing_values: bool = False
) -> Arrays:
    """Random inputs of the right shapes: uniform in [0, 1), integers 0 and 1, short texts.

    Args:
        specs: The model's inputs.
        rows: How many examples.
        seed: Of the random generator.
        missing_values: Whether every fifth number, about, is NaN.

    Returns:
        One array an input, `[rows, ...]`.

    Raises:
        ValueError: If a dimension other than the batch is free, so that only the caller knows
            what fits.
    """
    generator = np.random.default_rng(seed)
    arrays = {}
    for spec in specs:
        shape = (rows, *spec.shape[1:])
        if None in shape:
            raise ValueError(
                f"input {spec.name} has the free shape {tuple(spec.shape)}; pass examples= of a "
                "size that the model accepts"
            )
        if spec.dtype == tf.string:
            words = np.array([f"example {i} of a text" for i in range(rows)], object)
            arrays[spec.name] = np.broadcast_to(words.reshape(rows, *[1] * (len(shape) - 1)), shape)
        elif spec.dtype.is_floating:
            values = generator.random(shape)
            if missing_values:
                values[generator.random(shape) < 0.2] = np.nan
            arrays[spec.name] = values.astype(spec.dtype.as_numpy_dtype)
        else:
            arrays[spec.name] = generator.integers(0, 2, shape).astype(spec.dtype.as_numpy_dtype)
    return arrays


def check(examples: Any, specs: Sequence[tf.TensorSpec], missing_values: bool = False) -> Arrays:
    """Arranges the caller's examples by input name.

    Args:
        examples: One array for a model of one input, or a mapping of names to arrays.
        specs: The model's inputs.
        missing_values: Whether NaN is a value that the model takes.

    Returns:
        One array an input, in its dtype and the order of `specs`.

    Raises:
        ValueError: If names, shapes or the number of rows do not fit, or a value is not finite.
    """
    names = [spec.name for spec in specs]
    if not isinstance(examples, Mapping):
        if len(names) > 1:
            raise ValueError(f"examples must be a mapping with the keys {', '.join(names)}")
        examples = {names[0]: examples}
    if set(examples) != set(names):
        raise ValueError(
            f"examples must have the keys {', '.join(names)}. Received: {', '.join(examples)}"
        )
    finite = _no_infinity if missing_values else np.isfinite
    arrays = {}
    for spec in specs:
        # As objects, for an array of bytes drops zeros at the end of a string.
        array = np.asarray(examples[spec.name], object if spec.dtype == tf.string else None)
        if not spec.shape.is_compatible_with(array.shape) or not len(array):
            raise ValueError(
                f"examples of {spec.name} must have the shape {tuple(spec.shape)} with at least "
                f"one row. Received: shape={array.shape}"
            )
        array = array.astype(spec.dtype.as_numpy_dtype, copy=False)
        if spec.dtype.is_floating and not finite(array).all():
            raise ValueError(f"examples of {spec.name} must be finite. Received: NaN or infinity")
        arrays[spec.name] = array
    if len({len(array) for array in arrays.values()}) != 1:
        raise ValueError(
            "examples must have as many rows for each input. Received: "
            + ", ".join(f"{name}: {len(array)}" for name, array in arrays.items())
        )
    return arrays


def batch(examples: Arrays, size: int) -> Arrays:
    """The first `size` examples, beginning again where there are fewer."""
    return {name: np.take(a, np.arange(size) % len(a), axis=0) for name, a in examples.items()}


def _no_infinity(array: np.ndarray) -> np.ndarray:
    return ~np.isinf(array)
