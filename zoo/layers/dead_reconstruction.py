"""`DeadReconstruction`: dead units learn from what the living ones leave over."""

from __future__ import annotations

from typing import Any

import keras

from zoo.layers.auxiliary_reconstruction import AuxiliaryReconstruction
from zoo.layers.between import Between
from zoo.layers.selection import largest

# XLA compiles no gradient of these inside a branch.
NOT_IN_BRANCHES = (keras.layers.RNN, keras.layers.RepeatVector)


@keras.saving.register_keras_serializable(package="zoo")
class DeadReconstruction(AuxiliaryReconstruction):
    """Adds `weight` times the error that is left where dead units join a code that is held fixed.

    In each example those `k` of the dead units join that have the largest activations, if these
    are positive. With a linear decoder they so learn the error of the code. Examples that no unit
    joins do not count, and while no unit is dead nothing is decoded, but by decoders that are
    recurrent or repeat their input.

    It sits before the decoder and passes the code on. The decoder, the layers between `code` and
    `reconstruction`, it finds by itself.

    Args:
        k: Number of dead units that join an example at most, a positive integer.
        likelihood: How the reconstruction is judged, see `zoo.create`.
        weight: Factor in the loss, a non-negative float or a schedule of the training step.
        missing_values: As for `AuxiliaryReconstruction`.
        **kwargs: As for any layer.

    Call arguments:
        inputs: `[code, target, activations, dead, reconstruction]`, of a functional model: the
            sparse code `[batch, units]`, what is to be reconstructed, the rectified activations
            `[batch, units]` that the code was chosen from, 1 for each dead unit and 0 for the
            others `[units]`, and what the decoder makes of the code.

    Returns:
        The code.

    Metrics: the mean error, under the layer's name.

    Raises:
        ValueError: If `k` is not a positive integer, the likelihood is unknown, or the layer is
            called on data before it is called on the symbolic tensors of a functional model.

    Reference:
        [Gao et al., Scaling and Evaluating Sparse Autoencoders,
        2024](https://arxiv.org/abs/2406.04093), appendix A.2

    Example:
    >>> code, dead = DeadUnits(1000)(TopK(32)(activations))
    >>> joining = DeadReconstruction(512, "gaussian", 1 / 32)
    >>> code = joining([code, inputs, activations, dead, decoder(code)])
    """

    def __init__(
        self,
        k: int,
        likelihood: str,
        weight: Any = 1.0,
        missing_values: bool = False,
        **kwargs: Any,
    ):
        super().__init__(likelihood, weight, missing_values, **kwargs)
        if not isinstance(k, int) or k < 1:
            raise ValueError(f"`k` must be a positive integer. Received: k={k!r}")
        self.k = k
        self._decoder = Between("DeadReconstruction")

    def compute_output_spec(self, inputs: Any, training: bool = False) -> Any:
        """That of the code; the symbolic tensors tell what the decoder is."""
        self._decoder.find(inputs[0], inputs[-1])
        return super().compute_output_spec(inputs, training)

    def penalty(self, inputs: Any, training: bool) -> Any:
        """The mean error with the dead units; 0 while there are none."""
        ops = keras.ops
        code, target, activations, dead, _ = inputs

        def error() -> Any:
            candidates = activations * dead
            joining = ops.where(largest(candidates, self.k), candidates, 0.0)
            relevant = ops.cast(ops.any(joining > 0, axis=-1), "float32")
            joint = ops.stop_gradient(code) + joining
            return super(DeadReconstruction, self).penalty(
                [code, target, self._decoder(joint), relevant], training
            )

        any_dead = ops.any(dead > 0)
        if any(isinstance(layer, NOT_IN_BRANCHES) for layer in self._decoder.layers):
            return ops.where(any_dead, error(), 0.0)
        return ops.cond(any_dead, error, lambda: ops.zeros(()))

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "k": self.k}
