"""`largest`: which entries are the k largest, fast whether compiled or not, for any k."""

from __future__ import annotations

from typing import Any

import keras


def largest(x: Any, k: Any, axis: int = -1) -> Any:
    """Marks exactly the `k` largest entries along an axis; of equal entries the first ones.

    The threshold between them is found by bisection over the order of floating-point numbers:
    at most 32 passes, about half of that for continuous data. Against a sort this takes a `k`
    that changes through training, and XLA, which sorts slowly on CPUs, compiles it well.

    Args:
        x: Tensor of finite numbers.
        k: How many, an integer or a scalar tensor; at least 1, at most the size of the axis.
        axis: The axis along which entries compete.

    Returns:
        Boolean tensor of the shape of `x`. No gradient passes.

    Example:
    >>> keras.ops.convert_to_numpy(largest([[3.0, 1.0, 3.0, 3.0]], 2))
    array([[ True, False,  True, False]])
    """
    keys = _ordered_integers(keras.ops.stop_gradient(x))
    k = keras.ops.cast(k, "int32")
    threshold = _bisect(
        lambda bound: keys >= bound,
        keras.ops.min(keys, axis=axis, keepdims=True),
        keras.ops.max(keys, axis=axis, keepdims=True),
        k,
        axis,
    )
    # Where entries equal to the threshold are too many, the first of them are taken.
    above, equal = keys > threshold, keys == threshold
    shape = [1] * len(keys.shape)
    shape[axis] = -1
    order = keras.ops.reshape(-keras.ops.arange(keras.ops.shape(keys)[axis]), shape)
    nothing = keras.ops.zeros_like(threshold)
    first = _bisect(
        lambda bound: keras.ops.logical_or(above, keras.ops.logical_and(equal, order >= bound)),
        nothing + 1 - keras.ops.shape(keys)[axis],
        nothing,
        k,
        axis,
    )
    return keras.ops.logical_or(above, keras.ops.logical_and(equal, order >= first))


def _bisect(chosen: Any, low: Any, high: Any, k: Any, axis: int) -> Any:
    """A bound with exactly k chosen, else the greatest one with at least k."""

    def count(bound: Any) -> Any:
        return keras.ops.sum(keras.ops.cast(chosen(bound), "int32"), axis=axis, keepdims=True)

    def unfinished(low: Any, high: Any, excess: Any) -> Any:
        return keras.ops.any(keras.ops.logical_and(low < high, excess > 0))

    def halve(low: Any, high: Any, excess: Any) -> tuple[Any, Any, Any]:
        # The upper middle, without overflow; rows that are finished stay as they are.
        differing = keras.ops.bitwise_xor(low, high)
        middle = keras.ops.bitwise_or(low, high) - keras.ops.right_shift(differing, 1)
        counted = count(middle)
        enough = counted >= k
        open_ = keras.ops.logical_and(low < high, excess > 0)
        raised = keras.ops.logical_and(open_, enough)
        lowered = keras.ops.logical_and(open_, keras.ops.logical_not(enough))
        return (
            keras.ops.where(raised, middle, low),
            keras.ops.where(lowered, middle - 1, high),
            keras.ops.where(raised, counted - k, excess),
        )

    return keras.ops.while_loop(
        unfinished, halve, (low, high, count(low) - k), maximum_iterations=33
    )[0]


def _ordered_integers(x: Any) -> Any:
    """int32 keys in the order of the numbers: their bits, reversed below zero."""
    x = keras.ops.cast(x, "float32")
    x = keras.ops.where(x == 0, 0.0, x)  # no -0.0
    # Through an axis of size 1, for Keras wants to know the size of the last one.
    bits = keras.ops.squeeze(keras.ops.view(keras.ops.expand_dims(x, -1), "int32"), -1)
    return keras.ops.where(bits < 0, keras.ops.bitwise_xor(bits, 0x7FFFFFFF), bits)
