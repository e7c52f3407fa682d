"""`DeadUnits`: keeps count of the units that no longer become active."""

from __future__ import annotations

from typing import Any

import keras

from zoo.layers.arguments import check_integer


@keras.saving.register_keras_serializable(package="zoo")
class DeadUnits(keras.layers.Layer):
    """Counts, for each unit, the steps of training since it was last active in any example.

    A unit is active where it is not zero, and dead after `patience` steps without. What to do
    about it is left to others: an auxiliary loss (`DeadReconstruction`), or, in an
    `Autoencoder`, resampling: with `resample_every` its steps of training give the dead a new
    start, see `zoo.resampling`.

    Args:
        patience: Steps of training without activity after which a unit counts as dead.
        resample_every: Steps between two rounds of resampling; 0 for none.
        resample_until: No round after this step; `None` for no end.
        encoder: Name of the layer that makes the pre-activations, which resampling writes.
        **kwargs: As for any layer.

    Call arguments:
        inputs: Sparse code `[batch, units]`.
        training: Whether the step counts; not if `trainable` is false.

    Returns:
        The inputs, and float32 `[units]`: 1 for the dead, else 0.

    Metrics: `active_units`, the mean number of active units per example, and `dead_fraction`.

    Raises:
        ValueError: If a number of steps is out of range.

    Reference:
        [Gao et al., Scaling and Evaluating Sparse Autoencoders,
        2024](https://arxiv.org/abs/2406.04093), appendix A.2

    Example:
    >>> code, dead = DeadUnits(patience=1000)(TopK(32)(pre_activations))
    """

    def __init__(
        self,
        patience: int = 1000,
        resample_every: int = 0,
        resample_until: int | None = None,
        encoder: str = "pre_activation",
        **kwargs: Any,
    ):
        super().__init__(autocast=False, **kwargs)
        check_integer("patience", patience)
        check_integer("resample_every", resample_every, least=0)
        if resample_until is not None:
            check_integer("resample_until", resample_until, least=0)
        self.patience = patience
        self.resample_every = resample_every
        self.resample_until = resample_until
        self.encoder = encoder
        self.active_units = keras.metrics.Mean(name="active_units")
        self.dead_fraction = keras.metrics.Mean(name="dead_fraction")

    def build(self, input_shape: tuple) -> None:
        """Creates the counters."""
        counter = {"dtype": "int32", "initializer": "zeros", "trainable": False}
        self.idle = self.add_weight(shape=(input_shape[-1],), name="idle", **counter)
        self.step = None
        if self.resample_every:
            self.step = self.add_weight(shape=(), name="step", **counter)
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> tuple[Any, Any]:
        """Counts and tells who is dead."""
        active = keras.ops.stop_gradient(inputs) != 0
        self.active_units.update_state(keras.ops.sum(keras.ops.cast(active, "float32"), axis=-1))
        if training and self.trainable:
            alive = keras.ops.any(active, axis=0)
            self.idle.assign(keras.ops.where(alive, 0, self.idle + 1))
            if self.step is not None:
                self.step.assign_add(1)
        dead = keras.ops.cast(self.idle >= self.patience, "float32")
        self.dead_fraction.update_state(keras.ops.mean(dead))
        return inputs, dead

    def compute_output_spec(self, inputs: Any, training: bool = False) -> tuple[Any, Any]:
        """The inputs' own, and one number a unit."""
        return (
            keras.KerasTensor(inputs.shape, inputs.dtype),
            keras.KerasTensor((inputs.shape[-1],), "float32"),
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {
            **super().get_config(),
            "patience": self.patience,
            "resample_every": self.resample_every,
            "resample_until": self.resample_until,
            "encoder": self.encoder,
        }
