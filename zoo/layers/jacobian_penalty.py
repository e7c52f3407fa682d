"""`JacobianPenalty`: codes that change little where inputs change a little."""

from __future__ import annotations

from typing import Any

import keras

from zoo.layers.encoder_penalty import EncoderPenalty


@keras.saving.register_keras_serializable(package="zoo")
class JacobianPenalty(EncoderPenalty):
    """Adds the squared Frobenius norm of the encoder's Jacobian, averaged over examples.

    Arguments, call arguments and methods are those of `EncoderPenalty`.

    Metrics: the mean squared norm, or its estimate, under the layer's name.

    Reference:
        [Rifai et al., Contractive Auto-Encoders, 2011](https://icml.cc/2011/papers/455_icmlpaper.pdf);
        random probes: [Hutchinson, 1990](https://doi.org/10.1080/03610919008812866)

    Example:
    >>> code = keras.layers.Dense(64, "sigmoid")(features)
    >>> code = JacobianPenalty(1e-4)([code, inputs])
    """

    def penalty(self, inputs: Any, training: bool) -> Any:
        """The mean squared norm."""
        code, x = inputs
        entries = self.jacobian(x, self.directions(x, self.draw_seed(training)), code)
        return keras.ops.mean(keras.ops.sum(keras.ops.square(entries), axis=-1))
