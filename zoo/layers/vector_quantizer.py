"""`VectorQuantizer`: vectors are replaced by the nearest ones of a learnt codebook."""

from __future__ import annotations

from typing import Any

import keras

from zoo.layers.arguments import check_integer, check_number
from zoo.layers.perplexity import Perplexity


@keras.saving.register_keras_serializable(package="zoo")
class VectorQuantizer(keras.layers.Layer):
    """Replaces vectors by their nearest codebook vectors, straight through.

    The last axis is cut into `groups` equal parts, each with a codebook of its own. In training
    each codebook vector is the moving mean of the vectors assigned to it: the layer keeps the
    moving count and the moving sum, and their quotient is the codebook. A vector that has
    become rarer than `restart_below` times the mean is dead and starts again at an example of
    the batch, with the count of the mean.

    The gradient passes to the inputs as if they had not been quantized. They follow the
    codebook only by a `CommitmentPenalty`.

    Args:
        codes: Number of vectors in each codebook.
        groups: Number of parts that each input is cut into.
        momentum: Weight of the past in the moving means, in [0, 1).
        restart_below: Share of the mean count below which a vector starts again, in [0, 1);
            0 for never.
        seed: Seed of the initial codebook, or `None`.
        **kwargs: As for any layer.

    Call arguments:
        inputs: Vectors `[..., units]`.
        training: Whether the codebook learns; not if `trainable` is false.

    Returns:
        The quantized vectors, float32 `[..., units]`, and the indices, int32 `[..., groups]`.

    Metrics: `perplexity`, the number of codebook vectors in effective use, mean over groups.

    Raises:
        ValueError: If an argument is out of range or `groups` does not divide the units.

    Reference:
        [van den Oord, Vinyals & Kavukcuoglu, Neural Discrete Representation Learning,
        2017](https://arxiv.org/abs/1711.00937), appendix A.1; restarts: [Dhariwal et al.,
        Jukebox, 2020](https://arxiv.org/abs/2005.00341)

    Example:
    >>> latent = keras.layers.Dense(32)(features)
    >>> quantized, indices = VectorQuantizer(codes=256, groups=4)(latent)
    >>> code = CommitmentPenalty(0.25)([quantized, latent])
    """

    def __init__(
        self,
        codes: int = 256,
        groups: int = 1,
        momentum: float = 0.99,
        restart_below: float = 0.03,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(autocast=False, **kwargs)
        for name, value in (("codes", codes), ("groups", groups)):
            check_integer(name, value)
        for name, share in (("momentum", momentum), ("restart_below", restart_below)):
            check_number(name, share, "in [0, 1)", lambda x: 0 <= x < 1)
        self.codes = codes
        self.groups = groups
        self.momentum = momentum
        self.restart_below = restart_below
        self.seed = seed
        self.perplexity = Perplexity(groups, codes, name="perplexity")

    def build(self, input_shape: tuple) -> None:
        """Creates counts and sums, for an initial codebook of normal vectors."""
        units = input_shape[-1]
        if units % self.groups:
            raise ValueError(
                f"`groups` must divide the number of units, {units}. Received: groups={self.groups}"
            )
        self.counts = self.add_weight(
            shape=(self.groups, self.codes),
            dtype="float32",
            autocast=False,
            initializer="ones",
            trainable=False,
            name="counts",
        )
        self.sums = self.add_weight(
            shape=(self.groups, self.codes, units // self.groups),
            dtype="float32",
            autocast=False,
            initializer=keras.initializers.RandomNormal(stddev=1.0, seed=self.seed),
            trainable=False,
            name="sums",
        )
        self.built = True

    @property
    def codebook(self) -> Any:
        """The codebook vectors, float32 `[groups, codes, units / groups]`."""
        return self.sums / self.counts[..., None]

    def call(self, inputs: Any, training: bool = False) -> tuple[Any, Any]:
        """Finds the nearest vectors and learns from the batch."""
        training = training and self.trainable  # frozen, as batch normalisation is
        ops = keras.ops
        inputs = ops.cast(inputs, "float32")
        groups, _, size = self.sums.shape
        vectors = ops.reshape(ops.stop_gradient(inputs), (-1, groups, size))
        vectors = ops.transpose(vectors, (1, 0, 2))
        codebook = self.codebook
        # Squared distances, without the part that is the same for all codes.
        distance = ops.sum(ops.square(codebook), axis=-1)[:, None] - 2 * ops.matmul(
            vectors, ops.transpose(codebook, (0, 2, 1))
        )
        indices = ops.argmin(distance, axis=-1)
        chosen = ops.one_hot(indices, self.codes)
        used = ops.sum(chosen, axis=1)
        self.perplexity.update_state(used)
        if training:
            self._learn(vectors, used, ops.matmul(ops.transpose(chosen, (0, 2, 1)), vectors))
        nearest = ops.transpose(ops.matmul(chosen, codebook), (1, 0, 2))
        nearest = ops.reshape(nearest, (-1, *inputs.shape[1:]))
        indices = ops.reshape(
            ops.cast(ops.transpose(indices), "int32"), (-1, *inputs.shape[1:-1], groups)
        )
        return nearest + (inputs - ops.stop_gradient(inputs)), indices

    def _learn(self, vectors: Any, used: Any, total: Any) -> None:
        ops = keras.ops
        counts = self.counts + (1 - self.momentum) * (used - self.counts)
        sums = self.sums + (1 - self.momentum) * (total - self.sums)
        if self.restart_below:
            mean = ops.mean(counts, axis=-1, keepdims=True)
            dead = counts < self.restart_below * mean
            # The first dead code takes the first row and so on: batches are shuffled already.
            order = ops.cumsum(ops.cast(dead, "int32"), axis=-1) - 1
            row = ops.maximum(order, 0) % ops.shape(vectors)[1]
            fresh = ops.take_along_axis(vectors, row[..., None], axis=1)
            counts = ops.where(dead, mean, counts)
            sums = ops.where(dead[..., None], fresh * mean[..., None], sums)
        self.counts.assign(counts)
        self.sums.assign(sums)

    def compute_output_spec(self, inputs: Any, training: bool = False) -> tuple[Any, Any]:
        """The vectors, and an index for each group."""
        return (
            keras.KerasTensor(inputs.shape, "float32"),
            keras.KerasTensor((*inputs.shape[:-1], self.groups), "int32"),
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        names = ("codes", "groups", "momentum", "restart_below", "seed")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
