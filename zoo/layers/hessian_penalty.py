"""`HessianPenalty`: encoders whose Jacobian changes little from point to point."""

from __future__ import annotations

from typing import Any

import keras

from zoo.layers.arguments import check_integer, check_number
from zoo.layers.encoder_penalty import EncoderPenalty


@keras.saving.register_keras_serializable(package="zoo")
class HessianPenalty(EncoderPenalty):
    """Adds the mean squared change of the encoder's Jacobian under small Gaussian noise.

    For small noise that is the variance of the noise times the squared norm of the Hessian.

    Args:
        weight: Factor of the penalty in the loss, a non-negative float or a schedule.
        stddev: Standard deviation of the noise, positive.
        samples: Number of noisy neighbours of each example.
        method: As for `EncoderPenalty`.
        probes: As for `EncoderPenalty`; the same directions serve a point and its neighbours.
        seed: Integer seed of noise and directions, or `None`.
        **kwargs: As for any layer.

    Call arguments:
        inputs: `[code, x]`, as for `EncoderPenalty`.

    Metrics: the mean squared change under the layer's name.

    Raises:
        ValueError: If an argument is out of range.

    Reference:
        [Rifai et al., Higher Order Contractive Auto-Encoder,
        2011](https://doi.org/10.1007/978-3-642-23783-6_41)

    Example:
    >>> code = HessianPenalty(1e-4, stddev=0.1)([code, inputs])
    """

    def __init__(
        self,
        weight: Any,
        stddev: float = 0.1,
        samples: int = 2,
        method: str = "auto",
        probes: int = 1,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(weight, method=method, probes=probes, seed=seed, **kwargs)
        check_number("stddev", stddev, "positive", lambda x: x > 0)
        check_integer("samples", samples)
        self.stddev = stddev
        self.samples = samples

    def penalty(self, inputs: Any, training: bool) -> Any:
        """The mean squared change."""
        code, x = inputs
        seed = self.draw_seed(training)
        directions = self.directions(x, seed)
        here = self.jacobian(x, directions, code)
        points = keras.ops.repeat(x, self.samples, axis=0)
        noise = keras.random.normal(keras.ops.shape(points), dtype="float32", seed=seed)
        if directions is not None:
            split = keras.ops.reshape(directions, (-1, self.probes, *x.shape[1:]))
            directions = keras.ops.reshape(
                keras.ops.repeat(split, self.samples, axis=0), (-1, *x.shape[1:])
            )
        there = self.jacobian(points + self.stddev * noise, directions)
        change = there - keras.ops.repeat(here, self.samples, axis=0)
        return keras.ops.mean(keras.ops.sum(keras.ops.square(change), axis=-1))

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "stddev": self.stddev, "samples": self.samples}
