"""`SaturatingNoise`: noise before a sigmoid that pushes codes to be binary."""

from __future__ import annotations

from typing import Any

import keras

from zoo.layers.schedules import current, read_schedule, write_schedule

# A unit counts as saturated within 0.05 of 0 or 1: |pre-activation| > log(0.95 / 0.05).
SATURATED_LOGIT = 2.9444389791664403


@keras.saving.register_keras_serializable(package="zoo")
class SaturatingNoise(keras.layers.Layer):
    """Adds Gaussian noise, growing through training, to the pre-activations of a sigmoid code.

    A sigmoid unit transmits information through additive noise only if its pre-activation is
    large against the noise, that is, if its activation is near 0 or 1. Noise that grows while
    training goes on thus makes the codes binary without a term in the loss. Outside training
    the layer does nothing.

    The number of training steps taken is kept in a weight of the layer, so the noise goes on
    where it stopped after saving and loading, jitted or not.

    Args:
        stddev: Standard deviation of the noise: a non-negative float, or a
            `keras.optimizers.schedules.LearningRateSchedule` of the training step, which may
            exceed 1 (codes want about 4).
        seed: Integer seed of the noise, or `None`.
        **kwargs: As for any layer.

    Call arguments:
        inputs: Pre-activations `[batch, ...]`.
        training: Whether to add noise.

    Metrics: `saturated_fraction`, the share of noise-free activations within 0.05 of 0 or 1,
    and `noise_stddev`, the mean standard deviation used in training.

    Raises:
        ValueError: If `stddev` is a negative number.

    Reference:
        [Salakhutdinov & Hinton, Semantic Hashing, 2009](https://doi.org/10.1016/j.ijar.2008.11.006)

    Example:
    >>> growing = keras.optimizers.schedules.PolynomialDecay(0.0, 2000, end_learning_rate=4.0)
    >>> logits = keras.layers.Dense(32)(features)
    >>> code = keras.layers.Activation("sigmoid")(SaturatingNoise(growing)(logits))
    """

    def __init__(
        self,
        stddev: float | keras.optimizers.schedules.LearningRateSchedule,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.stddev = read_schedule(stddev, "stddev")
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.saturated_fraction = keras.metrics.Mean(name="saturated_fraction")
        self.noise_stddev = keras.metrics.Mean(name="noise_stddev")
        self.supports_masking = True

    def build(self, input_shape: tuple) -> None:
        """Creates the step counter."""
        self.step = self.add_weight(
            shape=(), dtype="int64", initializer="zeros", trainable=False, name="step"
        )
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Adds the noise of the current step in training."""
        saturated = keras.ops.abs(inputs) > SATURATED_LOGIT
        self.saturated_fraction.update_state(keras.ops.cast(saturated, "float32"))
        if not training:
            return inputs
        stddev = self.current_stddev()
        self.noise_stddev.update_state(stddev)
        self.step.assign_add(1)
        noise = keras.random.normal(
            keras.ops.shape(inputs), dtype=self.compute_dtype, seed=self.seed_generator
        )
        return inputs + keras.ops.cast(stddev, self.compute_dtype) * noise

    def current_stddev(self) -> Any:
        """The standard deviation at the present step, a float32 scalar."""
        return current(self, self.stddev)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """The shape does not change."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        own = {"stddev": write_schedule(self.stddev), "seed": self.seed}
        return {**super().get_config(), **own}
