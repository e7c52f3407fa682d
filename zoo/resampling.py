"""Gives dead units of a sparse code a new start, within the steps of training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from zoo.layers.dead_units import DeadUnits
from zoo.layers.unit_norm_decoder import code_reader

if TYPE_CHECKING:
    from zoo.autoencoder import Autoencoder

TINY = 1e-12


class Resampling:
    """Resamples the dead units of an autoencoder every so many steps of training.

    In each round the units that the model's `DeadUnits` layer counts as dead are set anew. Each
    draws an example of the step's batch with a probability proportional to the square of its
    error. The unit's column of the encoder becomes the direction of that example, at a fifth of
    the mean norm of the columns of living units; its bias becomes 0, and what else the layers of
    the encoder learnt of it (`reset_units`) begins anew; its row of the decoder becomes the same
    direction, at unit length (a random one if the decoder's layer has another width). The
    optimizer's memory of these weights is set to 0.

    The layer counts the steps and its counter is saved with the model, so training may be stopped
    and resumed. Draws depend on the step alone. All of it is part of the graph of a step of
    training: it works with `steps_per_execution` and `jit_compile`.

    Args:
        model: The autoencoder.
        tracker: Its `DeadUnits` layer.

    Raises:
        ValueError: If the model lacks the layer that makes the pre-activations, or its decoder
            does not begin with a dense one.

    Reference:
        [Bricken et al., Towards Monosemanticity,
        2023](https://transformer-circuits.pub/2023/monosemantic-features), appendix "Neuron
        Resampling"
    """

    def __init__(self, model: Autoencoder, tracker: DeadUnits):
        found = [layer for layer in model.encoder.layers if layer.name == tracker.encoder]
        if not found or not hasattr(found[0], "kernel"):
            raise ValueError(
                "Resampling wants a dense layer of the encoder that makes the pre-activations. "
                f"Received: encoder={tracker.encoder!r}"
            )
        self.model = model
        self.tracker = tracker
        self.encoder: Any = found[0]
        self.decoder = code_reader(model.decoder)
        # The first call of the layer is the clean one; a corrupted one may follow.
        self.features = keras.Model(model.inputs, self.encoder._inbound_nodes[0].input_tensors[0])

    def step(self, x: Any) -> None:
        """Resamples if a round is due; never units of an encoder that is frozen.

        Args:
            x: The batch of the step, raw inputs.
        """
        tracker = self.tracker
        if not (self.encoder.trainable and tracker.trainable):
            return
        step = tf.convert_to_tensor(tracker.step)
        due = step % tracker.resample_every == 0
        if tracker.resample_until is not None:
            due &= step <= tracker.resample_until
        dead = tf.convert_to_tensor(tracker.idle) >= tracker.patience
        tf.cond(due & tf.reduce_any(dead), lambda: self._resample(x, dead, step), lambda: None)

    def _resample(self, x: Any, dead: Any, step: Any) -> None:
        ops, units = keras.ops, self.tracker.idle.shape[0]
        decoded = self.model.decoder(self.model.encoder(x, training=False), training=False)
        errors = self.model.reconstruction_error(x, decoded)
        # The largest of logarithms with Gumbel noise is drawn with these probabilities.
        uniform = tf.random.stateless_uniform(
            (units, tf.shape(errors)[0]), seed=tf.stack([step, 0]), minval=TINY
        )
        odds = 2 * tf.math.log(errors + TINY) - tf.math.log(-tf.math.log(uniform))
        features = ops.cast(self.features(x, training=False), "float32")
        directions = _unit(ops.take(features, ops.argmax(odds, axis=1), axis=0))

        kernel = ops.cast(self.encoder.kernel, "float32")
        norms = ops.norm(kernel, axis=0)
        alive = ops.cast(ops.logical_not(dead), "float32")
        alive = ops.where(ops.any(alive > 0), alive, ops.ones_like(alive))
        norm = ops.sum(norms * alive) / ops.sum(alive)
        self._write(self.encoder.kernel, dead, 1, 0.2 * norm * ops.transpose(directions))
        self._write(getattr(self.encoder, "bias", None), dead, 0, 0.0)
        for layer in self.model.encoder.layers:
            if hasattr(layer, "reset_units"):
                layer.reset_units(dead)
        atoms = self.decoder.kernel
        if atoms.shape[1] != directions.shape[1]:
            seed = tf.stack([step, 1])
            directions = _unit(tf.random.stateless_normal(atoms.shape, seed=seed))
        self._write(atoms, dead, 0, directions)
        self.tracker.idle.assign(ops.where(dead, 0, self.tracker.idle))

    def _write(self, variable: Any, dead: Any, axis: int, values: Any) -> None:
        if variable is None:
            return
        chosen = (
            dead[None, :] if axis else keras.ops.reshape(dead, (-1, *[1] * (variable.ndim - 1)))
        )
        values = keras.ops.cast(values, variable.dtype)
        variable.assign(keras.ops.where(chosen, values, variable))
        # Slots are made by `add_variable_from_reference`, which names them after the variable.
        name = variable.path.replace("/", "_")
        for slot in self.model.optimizer.variables:
            if slot.shape == variable.shape and slot.name.startswith(name):
                slot.assign(keras.ops.where(chosen, 0.0, slot))


def _unit(rows: Any) -> Any:
    return rows / keras.ops.maximum(keras.ops.norm(rows, axis=1, keepdims=True), TINY)
