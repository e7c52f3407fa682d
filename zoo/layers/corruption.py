"""`Corruption`: what the corrupting layers share: a level, fixed or scheduled, and a seed."""

from __future__ import annotations

from typing import Any

import keras

from zoo.layers.schedules import current, read_schedule, write_schedule


class Corruption(keras.layers.Layer):
    """Base of layers that spoil their inputs in training and pass them on otherwise.

    A subclass implements `corrupt`. The number of training steps taken is kept in a weight of
    the layer, so a scheduled level goes on where it stopped after saving and loading. NaN stays
    NaN.

    Args:
        level: Strength of the corruption: a float, or a
            `keras.optimizers.schedules.LearningRateSchedule` of the training step.
        seed: Integer seed, or `None`.
        return_mask: Whether to return a second tensor of the inputs' shape, 1 for components
            that were corrupted and 0 for the others.
        **kwargs: As for any layer.

    Call arguments:
        inputs: Tensor `[batch, ...]`.
        training: Whether to corrupt.

    Metrics: `corruption_level`, the mean level used in training.

    Raises:
        ValueError: If `level` is a number out of range.
    """

    # Largest level that makes sense.
    highest = float("inf")

    def __init__(
        self,
        level: float | keras.optimizers.schedules.LearningRateSchedule,
        seed: int | None = None,
        return_mask: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.level = read_schedule(level, "level", maximum=self.highest)
        self.seed = seed
        self.return_mask = return_mask
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.level_tracker = keras.metrics.Mean(name="corruption_level")
        self.supports_masking = True

    def build(self, input_shape: tuple) -> None:
        """Creates the step counter."""
        self.step = self.add_weight(
            shape=(), dtype="int64", initializer="zeros", trainable=False, name="step"
        )
        self.built = True

    def corrupt(self, inputs: Any, level: Any) -> tuple[Any, Any]:
        """Spoils inputs.

        Args:
            inputs: Tensor `[batch, ...]`.
            level: float32 scalar.

        Returns:
            The corrupted tensor and a boolean one, true for corrupted components.
        """
        raise NotImplementedError

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Corrupts the inputs in training."""
        if not training:
            return (inputs, keras.ops.zeros_like(inputs)) if self.return_mask else inputs
        level = self.current_level()
        self.level_tracker.update_state(level)
        self.step.assign_add(1)
        corrupted, mask = self.corrupt(inputs, level)
        corrupted = keras.ops.where(keras.ops.isnan(inputs), inputs, corrupted)
        return (corrupted, keras.ops.cast(mask, inputs.dtype)) if self.return_mask else corrupted

    def current_level(self) -> Any:
        """The level at the present step, a float32 scalar."""
        return current(self, self.level)

    def uniform(self, inputs: Any) -> Any:
        """Random numbers in [0, 1) of the inputs' shape, float32 whatever the policy."""
        return keras.random.uniform(
            keras.ops.shape(inputs), dtype="float32", seed=self.seed_generator
        )

    def compute_output_shape(self, input_shape: tuple) -> Any:
        """The shape does not change."""
        return (input_shape, input_shape) if self.return_mask else input_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        own = {
            "level": write_schedule(self.level),
            "seed": self.seed,
            "return_mask": self.return_mask,
        }
        return {**super().get_config(), **own}
