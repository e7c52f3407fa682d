"""How strongly a code reacts to small changes of its input."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from zoo.autoencoder import Autoencoder

# Rows that pass through the encoder at once: each example takes as many as its code has units.
BLOCK = 4096
WORK = 40_000
MIN_ROWS, MAX_ROWS = 8, 100


def sensible_rows(code_size: int) -> int:
    """How many examples are measured in a moment; fewer where codes are long."""
    return int(np.clip(WORK // code_size, MIN_ROWS, MAX_ROWS))


def jacobian_norms(model: Autoencoder, x: np.ndarray) -> np.ndarray | None:
    """Frobenius norms of the encoder's Jacobian with respect to the preprocessed input.

    Exact, and of any encoder that has gradients: each example is repeated once for each unit
    of the code, and one backward pass yields a row of the Jacobian for each copy.

    Args:
        model: The autoencoder.
        x: Raw examples `[n, ...]`.

    Returns:
        float64 `[n]`; `None` where the code is no differentiable function of the preprocessed
        input alone.

    Reference:
        Rifai, Vincent, Muller, Glorot & Bengio, Contractive Auto-Encoders, 2011.

    Example:
    >>> jacobian_norms(ae, images[:10]).mean()
    """
    try:
        encoder = keras.Model(model.preprocessor.output, model.encoder.output)
    except ValueError:  # The encoder reads the raw input too.
        return None
    inputs = tf.convert_to_tensor(model.preprocessor(x))
    if not inputs.dtype.is_floating:
        return None
    size = model.code.size
    examples = max(1, BLOCK // size)
    squares = []
    for i in range(0, len(x), examples):
        some = inputs[i : i + examples]
        copies = tf.repeat(some, size, axis=0)
        units = tf.tile(tf.range(size), [len(some)])
        with tf.GradientTape() as tape:
            tape.watch(copies)
            codes = encoder(copies, training=False)
            if not codes.dtype.is_floating:
                return None
            chosen = tf.gather(codes, units, axis=1, batch_dims=1)
        rows = tape.gradient(chosen, copies)
        if rows is None:
            return None
        flat = np.nan_to_num(tf.cast(rows, "float64").numpy()).reshape(len(some), -1)
        squares.append((flat**2).sum(1))
    return np.sqrt(np.concatenate(squares))
