"""Shuffled batches whose order depends on nothing but the seed and the epoch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.datasets.sparse import SparseRows


def shuffled_batches(
    x: np.ndarray | SparseRows,
    batch_size: int,
    seed: int,
    first_epoch: int = 0,
    codes: np.ndarray | None = None,
) -> tf.data.Dataset:
    """Endless epochs of full batches, shuffled anew for each epoch.

    Training that resumes at an epoch sees what it would have seen without the interruption.

    Args:
        x: Rows `[n, ...]`: numbers, strings, or sparse rows, of which only batches become dense.
        batch_size: Rows of a batch, at most n.
        seed: Seed of the order.
        first_epoch: The epoch to begin with.
        codes: Bits `[n, bits]` to teach; batches are then pairs `(x, {"code": bits})`.

    Returns:
        The data set, for `fit(..., steps_per_epoch=n // batch_size)`. The rows left out because
        they do not fill a batch differ from epoch to epoch.
    """
    steps = len(x) // batch_size
    gather = _gather_sparse(x) if isinstance(x, SparseRows) else _gather(x)

    def epoch(number: tf.Tensor) -> tf.data.Dataset:
        order = tf.random.experimental.stateless_shuffle(tf.range(len(x)), seed=[seed, number])
        return tf.data.Dataset.from_tensor_slices(
            tf.reshape(order[: steps * batch_size], (steps, batch_size))
        )

    numbers = tf.data.Dataset.range(first_epoch, np.iinfo(np.int32).max, output_type=tf.int32)
    taught = None if codes is None else _gather(codes)

    def batch(chosen: tf.Tensor) -> Any:
        rows = tf.ensure_shape(gather(chosen), (batch_size, *x.shape[1:]))
        return rows if taught is None else (rows, {"code": taught(chosen)})

    batches = numbers.flat_map(epoch).map(batch)
    options = tf.data.Options()
    # There is nothing to tune, and the end of training would wait for the tuner's thread, which
    # sleeps for ever longer: for as long as training took, up to a minute.
    options.autotune.enabled = False
    return batches.prefetch(2).with_options(options)


def _gather(x: np.ndarray) -> Callable[[Any], Any]:
    rows = tf.constant(x)
    return lambda chosen: tf.gather(rows, chosen)


def _gather_sparse(x: SparseRows) -> Callable[[Any], Any]:
    arrays = x.arrays()
    data, indices = (
        tf.RaggedTensor.from_row_splits(
            tf.constant(arrays[name]), tf.constant(arrays["indptr"], "int64")
        )
        for name in ("data", "indices")
    )

    def gather(chosen: Any) -> Any:
        values, columns = tf.gather(data, chosen), tf.gather(indices, chosen)
        places = tf.stack([values.value_rowids(), tf.cast(columns.flat_values, "int64")], axis=1)
        shape = tf.stack([tf.size(chosen, "int64"), x.shape[1]])
        return tf.scatter_nd(places, values.flat_values, shape)

    return gather
