"""`DropPatches`: in training, only a random part of the patches is seen."""

from __future__ import annotations

from typing import Any

import keras

from zoo.layers.arguments import check_number


@keras.saving.register_keras_serializable(package="zoo")
class DropPatches(keras.layers.Layer):
    """Keeps a random subset of tokens of each example in training, and all of them otherwise.

    The layers after it compute that much less.

    Args:
        rate: Share of the tokens that is dropped, in [0, 1); at least one token stays.
        seed: Integer seed, or `None`.
        **kwargs: As for any layer.

    Call arguments:
        inputs: Tokens `[batch, tokens, features]`.
        training: Whether to drop tokens.

    Returns:
        The tokens kept, `[batch, kept, features]`, and a mask `[batch, tokens]`, 1 for tokens
        that were dropped.

    Raises:
        ValueError: If `rate` is not in [0, 1).

    Reference:
        [He et al., Masked Autoencoders Are Scalable Vision Learners,
        2022](https://arxiv.org/abs/2111.06377)

    Example:
    >>> visible, dropped = DropPatches(0.75)(tokens)
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        check_number("rate", rate, "in [0, 1)", lambda x: 0 <= x < 1)
        self.rate = rate
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def kept(self, tokens: int) -> int:
        """How many of that many tokens are kept in training."""
        return max(1, round(tokens * (1 - self.rate)))

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Drops tokens in training."""
        ops = keras.ops
        batch, tokens = ops.shape(inputs)[0], inputs.shape[1]
        if not training:
            return inputs, ops.zeros((batch, tokens), inputs.dtype)
        order = ops.argsort(
            keras.random.uniform((batch, tokens), dtype="float32", seed=self.seed_generator)
        )
        chosen = ops.sort(order[:, : self.kept(tokens)])
        visible = ops.take_along_axis(inputs, chosen[:, :, None], axis=1)
        seen = ops.sum(ops.one_hot(chosen, tokens, dtype=inputs.dtype), axis=1)
        return visible, 1 - seen

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Any number of tokens, for it depends on training; a mask for all of them."""
        batch, tokens, features = input_shape
        return (batch, None, features), (batch, tokens)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}
