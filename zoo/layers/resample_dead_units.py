"""`ResampleDeadUnits`: a callback that gives dead units of a sparse code a new start."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from zoo.layers.dead_units import DeadUnits
from zoo.layers.unit_norm_decoder import code_reader


class ResampleDeadUnits(keras.callbacks.Callback):
    """Gives dead units of an `Autoencoder` a new start at examples that it reconstructs badly.

    Every `every` steps of the optimizer, and until `until`, the units that the model's
    `DeadUnits` layer counts as dead are set anew. Each draws an example with a probability
    proportional to the square of its loss. The unit's column of the encoder becomes the
    direction of that example, at a fifth of the mean norm of the columns of living units; its
    bias becomes 0; its row of the decoder becomes the same direction, at unit length (a random
    one if the decoder's layer has another width). The optimizer's memory of these weights is
    set to 0.

    Decisions depend on the optimizer's step alone, so training may be stopped and resumed.

    Args:
        x: Examples to draw from, as `fit` takes them.
        encoder: Name of the `keras.layers.Dense` that makes the pre-activations.
        every: Steps between two rounds.
        until: No round after this step; `None` for no end.
        sample: Number of examples whose loss is measured in each round.
        seed: Integer seed of the draws.

    Raises:
        ValueError: If a number is not positive, or the model lacks a layer or its
            decoder does not begin with a dense one.

    Reference:
        [Bricken et al., Towards Monosemanticity,
        2023](https://transformer-circuits.pub/2023/monosemantic-features), appendix "Neuron
        Resampling"

    Example:
    >>> ae.fit(x, epochs=20, callbacks=[ResampleDeadUnits(x)])
    """

    def __init__(
        self,
        x: np.ndarray,
        encoder: str = "pre_activation",
        every: int = 1000,
        until: int | None = None,
        sample: int = 4096,
        seed: int = 0,
    ):
        super().__init__()
        for name, value in (("every", every), ("sample", sample)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"`{name}` must be a positive integer. Received: {name}={value!r}")
        self.x = x
        self.name = encoder
        self.every = every
        self.until = until
        self.sample = sample
        self.seed = seed

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Finds the layers, and the round that training is in."""
        names = [layer.name for layer in self.model.layers]
        self.encoder: Any = self.model.get_layer(self.name) if self.name in names else None
        if not isinstance(self.encoder, keras.layers.Dense):
            raise ValueError(
                "`encoder` must name a keras.layers.Dense of the model. "
                f"Received: encoder={self.name!r}; layers: {', '.join(names)}"
            )
        self.decoder = code_reader(self.model.decoder)
        found = [layer for layer in self.model.layers if isinstance(layer, DeadUnits)]
        if not found:
            raise ValueError("The model must have a DeadUnits layer, to know which units are dead.")
        self.tracker = found[0]
        self.round = self._step() // self.every

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Resamples if a new round has begun."""
        step = self._step()
        if step // self.every == self.round or (self.until is not None and step > self.until):
            return
        self.round = step // self.every
        self.resample(np.random.default_rng((self.seed, step)))

    def resample(self, random: np.random.Generator) -> int:
        """Sets the dead units anew.

        Args:
            random: Where draws come from.

        Returns:
            The number of units that were dead.
        """
        idle = keras.ops.convert_to_numpy(self.tracker.idle)
        dead = np.flatnonzero(idle >= self.tracker.patience)
        if not dead.size:
            return 0
        rows = random.choice(len(self.x), min(self.sample, len(self.x)), replace=False)
        x = self.x[np.sort(rows)]
        errors = keras.ops.convert_to_numpy(
            self.model.reconstruction_error(x, self.model.predict_on_batch(x))
        ).astype("float64")
        odds = np.square(errors) + np.finfo("float64").tiny
        chosen = x[random.choice(len(x), dead.size, p=odds / odds.sum())]
        # The first call of the layer is the clean one; a corrupted one may follow.
        reads = self.encoder._inbound_nodes[0].input_tensors[0]
        features = keras.Model(self.model.inputs, reads)
        directions = _unit(keras.ops.convert_to_numpy(features.predict_on_batch(chosen)))
        self._write(dead, directions, random)
        self.tracker.idle.assign(np.where(idle >= self.tracker.patience, 0, idle))
        return dead.size

    def _write(self, dead: np.ndarray, directions: np.ndarray, random: Any) -> None:
        kernel = keras.ops.convert_to_numpy(self.encoder.kernel).copy()
        alive = np.setdiff1d(np.arange(kernel.shape[1]), dead)
        norm = np.linalg.norm(kernel[:, alive if alive.size else dead], axis=0).mean()
        kernel[:, dead] = 0.2 * norm * directions.T
        self.encoder.kernel.assign(kernel)
        if self.encoder.bias is not None:
            bias = keras.ops.convert_to_numpy(self.encoder.bias).copy()
            bias[dead] = 0
            self.encoder.bias.assign(bias)
        atoms = keras.ops.convert_to_numpy(self.decoder.kernel).copy()
        if atoms.shape[1] != directions.shape[1]:
            directions = _unit(random.normal(size=(dead.size, atoms.shape[1])))
        atoms[dead] = directions
        self.decoder.kernel.assign(atoms)
        self._forget(self.encoder.kernel, dead, 1)
        self._forget(self.encoder.bias, dead, 0)
        self._forget(self.decoder.kernel, dead, 0)

    def _forget(self, variable: Any, dead: np.ndarray, axis: int) -> None:
        # Slots are made by `add_variable_from_reference`, which names them after the variable.
        if variable is None:
            return
        name = variable.path.replace("/", "_")
        for slot in self.model.optimizer.variables:
            if slot.shape == variable.shape and slot.name.startswith(name):
                values = keras.ops.convert_to_numpy(slot).copy()
                values[(slice(None),) * axis + (dead,)] = 0
                slot.assign(values)

    def _step(self) -> int:
        return int(self.model.optimizer.iterations)


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
