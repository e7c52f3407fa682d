"""Numbers that may change through training: a float, or a Keras schedule of the step."""

from __future__ import annotations

import math
from typing import Any

import keras

from zoo.layers.arguments import check_integer, is_number

Schedule = keras.optimizers.schedules.LearningRateSchedule
# The annotation of arguments that `read_schedule` reads.
Scheduled = float | Schedule


def read_schedule(
    value: Any, name: str, minimum: float = 0.0, maximum: float = float("inf")
) -> Any:
    """Checks an argument that may be a number, a schedule or a serialised schedule.

    Args:
        value: What the constructor received.
        name: The argument's name, for the message.
        minimum: The least number allowed; schedules are not checked.
        maximum: The largest.

    Returns:
        The number or the schedule.

    Raises:
        ValueError: If it is neither, or a number out of range.
    """
    if isinstance(value, dict):
        value = keras.saving.deserialize_keras_object(value)
    if isinstance(value, Schedule):
        return value
    if not is_number(value) or not minimum <= value <= maximum:
        allowed = (
            f"of at least {minimum:g}" if math.isinf(maximum) else f"in [{minimum:g}, {maximum:g}]"
        )
        raise ValueError(
            f"`{name}` must be a number {allowed} or a schedule of keras.optimizers.schedules. "
            f"Received: {name}={value!r}"
        )
    return value


def write_schedule(value: Any) -> Any:
    """What `get_config` returns for a number or a schedule."""
    return keras.saving.serialize_keras_object(value) if isinstance(value, Schedule) else value


def linear(start: float, end: float, steps: int) -> Any:
    """A schedule that goes straight from `start` to `end` in `steps` steps and stays there.

    Raises:
        ValueError: If `steps` is not a positive integer.
    """
    check_integer("training_steps", steps)
    return keras.optimizers.schedules.PolynomialDecay(
        float(start), steps, end_learning_rate=float(end)
    )


def add_step(layer: keras.layers.Layer, *values: Any) -> None:
    """Gives a layer a counter of training steps if one of the values is a schedule."""
    layer.step = None
    if any(isinstance(value, Schedule) for value in values):
        layer.step = layer.add_weight(
            shape=(), dtype="int64", initializer="zeros", trainable=False, name="step"
        )


def current(layer: keras.layers.Layer, value: Any) -> Any:
    """The value at the layer's present step, a float32 scalar."""
    if isinstance(value, Schedule):
        return keras.ops.cast(value(layer.step), "float32")
    return keras.ops.convert_to_tensor(value, "float32")


def advance(layer: keras.layers.Layer, training: bool) -> None:
    """Counts a step of training."""
    if training and layer.step is not None:
        layer.step.assign_add(1)
