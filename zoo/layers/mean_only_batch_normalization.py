"""`MeanOnlyBatchNormalization`: centres every unit and leaves its scale free."""

from __future__ import annotations

from typing import Any

import keras

from zoo.layers.arguments import check_number


@keras.saving.register_keras_serializable(package="zoo")
class MeanOnlyBatchNormalization(keras.layers.Layer):
    """Subtracts the mean of the batch in training, a moving mean otherwise; divides by nothing.

    Before a sigmoid code it balances the bits, as every unit is as often positive as negative,
    while pre-activations may still grow against noise (`SaturatingNoise`), which a fixed
    variance would forbid.

    Args:
        momentum: Weight of the past in the moving mean, in [0, 1).
        **kwargs: As for any layer.

    Call arguments:
        inputs: Pre-activations `[batch, ..., units]`; means are taken over all axes but the last.
        training: Whether to use, and to learn from, the batch's own mean; not if `trainable`
            is false.

    Raises:
        ValueError: If `momentum` is not in [0, 1).

    Reference:
        [Salimans & Kingma, Weight Normalization, 2016](https://arxiv.org/abs/1602.07868),
        section 4

    Example:
    >>> logits = MeanOnlyBatchNormalization()(keras.layers.Dense(32, use_bias=False)(features))
    """

    def __init__(self, momentum: float = 0.95, **kwargs: Any):
        super().__init__(**kwargs)
        check_number("momentum", momentum, "in [0, 1)", lambda x: 0 <= x < 1)
        self.momentum = momentum
        self.supports_masking = True

    def build(self, input_shape: tuple) -> None:
        """Creates the moving mean."""
        self.moving_mean = self.add_weight(
            shape=(input_shape[-1],),
            dtype="float32",
            initializer="zeros",
            trainable=False,
            autocast=False,  # float32 under a policy of mixed precision, too
            name="moving_mean",
        )
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Centres the inputs."""
        training = training and self.trainable  # frozen, as batch normalisation is
        # Means in float32: half precision loses the sum of a large batch.
        x = keras.ops.cast(inputs, "float32")
        mean = self.moving_mean
        if training:
            mean = keras.ops.mean(x, axis=tuple(range(len(x.shape) - 1)))
            past = self.momentum * self.moving_mean
            self.moving_mean.assign(past + (1 - self.momentum) * keras.ops.stop_gradient(mean))
        return keras.ops.cast(x - mean, self.compute_dtype)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """The shape does not change."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "momentum": self.momentum}
