"""Numbers that may change through training: a float, or a Keras schedule of the step."""

from __future__ import annotations

from typing import Any

import keras

Schedule = keras.optimizers.schedules.LearningRateSchedule


def read_schedule(value: Any, name: str, minimum: float = 0.0) -> Any:
    """Checks an argument that may be a number, a schedule or a serialised schedule.

    Args:
        value: What the constructor received.
        name: The argument's name, for the message.
        minimum: The least number allowed; schedules are not checked.

    Returns:
        The number or the schedule.

    Raises:
        ValueError: If it is neither, or a number below the minimum.
    """
    if isinstance(value, dict):
        value = keras.saving.deserialize_keras_object(value)
    if isinstance(value, Schedule):
        return value
    if not isinstance(value, int | float) or isinstance(value, bool) or not value >= minimum:
        raise ValueError(
            f"`{name}` must be a number of at least {minimum:g} or a schedule of "
            f"keras.optimizers.schedules. Received: {name}={value!r}"
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
    if not isinstance(steps, int) or steps < 1:
        raise ValueError(f"`training_steps` must be positive, whole steps. Received: {steps!r}")
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
