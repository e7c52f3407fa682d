"""`Penalty`: base of the layers that add a term to the loss and change nothing else."""

from __future__ import annotations

from typing import Any

import keras

from zoo.layers.schedules import add_step, advance, current, read_schedule, write_schedule


class Penalty(keras.layers.Layer):
    """Adds `weight` times a penalty to the loss and returns its (first) input unchanged.

    Penalties are means over the examples of a batch, so their meaning does not depend on the
    batch size, and are computed in float32 whatever the policy. A subclass implements
    `penalty`.

    Args:
        weight: Factor of the penalty in the loss: a non-negative float, or a
            `keras.optimizers.schedules.LearningRateSchedule` of the training step.
        **kwargs: As for any layer.

    Metrics: the penalty, without its weight, under the layer's name.

    Raises:
        ValueError: If `weight` is negative.
    """

    def __init__(self, weight: Any, **kwargs: Any):
        # What passes through must not be rounded to the compute dtype.
        super().__init__(autocast=False, **kwargs)
        self.weight = read_schedule(weight, "weight")
        self.metric = keras.metrics.Mean(name=self.name)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """Creates the step counter, if the weight is a schedule."""
        add_step(self, self.weight)
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Adds the penalty to the loss."""
        exact = keras.tree.map_structure(lambda x: keras.ops.cast(x, "float32"), inputs)
        penalty = self.penalty(exact, training)
        self.metric.update_state(self.reported(exact, penalty))
        self.add_loss(current(self, self.weight) * penalty)
        advance(self, training)
        return inputs[0] if isinstance(inputs, list | tuple) else inputs

    def penalty(self, inputs: Any, training: bool) -> Any:
        """The penalty of a batch, a float32 scalar.

        Args:
            inputs: What the layer was called on, in float32.
            training: Whether this is a step of training.
        """
        raise NotImplementedError

    def reported(self, inputs: Any, penalty: Any) -> Any:
        """What the metric shows; the penalty, if a subclass has nothing better."""
        return penalty

    def compute_output_spec(self, inputs: Any, training: bool = False) -> Any:
        """That of the (first) input."""
        first = inputs[0] if isinstance(inputs, list | tuple) else inputs
        return keras.KerasTensor(first.shape, first.dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "weight": write_schedule(self.weight)}
