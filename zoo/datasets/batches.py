"""Shuffled batches whose order depends on nothing but the seed and the epoch."""

from __future__ import annotations

import numpy as np
import tensorflow as tf


def shuffled_batches(
    x: np.ndarray, batch_size: int, seed: int, first_epoch: int = 0
) -> tf.data.Dataset:
    """Endless epochs of full batches, shuffled anew for each epoch.

    Training that resumes at an epoch sees what it would have seen without the interruption.

    Args:
        x: Rows `[n, ...]`.
        batch_size: Rows of a batch, at most n.
        seed: Seed of the order.
        first_epoch: The epoch to begin with.

    Returns:
        The data set, for `fit(..., steps_per_epoch=n // batch_size)`. The rows left out because
        they do not fill a batch differ from epoch to epoch.
    """
    steps = len(x) // batch_size
    rows = tf.constant(x)

    def epoch(number: tf.Tensor) -> tf.data.Dataset:
        order = tf.random.experimental.stateless_shuffle(tf.range(len(x)), seed=[seed, number])
        return tf.data.Dataset.from_tensor_slices(
            tf.reshape(order[: steps * batch_size], (steps, batch_size))
        )

    numbers = tf.data.Dataset.range(first_epoch, np.iinfo(np.int32).max, output_type=tf.int32)
    batches = numbers.flat_map(epoch).map(
        lambda chosen: tf.ensure_shape(tf.gather(rows, chosen), (batch_size, *x.shape[1:]))
    )
    return batches.prefetch(2)
