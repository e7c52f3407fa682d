"""`PlainGRU`: a GRU without dropout, and so without the state of a random generator."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="zoo")
class PlainGRU(keras.layers.GRU):
    """A `keras.layers.GRU` that holds weights alone, for encoders that are exported.

    Keras's own keeps the state of a random generator for dropout even where there is none, and
    every model exported with it would carry that state.

    Args:
        *args: As for `keras.layers.GRU`.
        **kwargs: As for `keras.layers.GRU`, without dropout.

    Raises:
        ValueError: If a dropout is given.

    Example:
    >>> code = PlainGRU(32)(sequences)
    """

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if self.dropout or self.recurrent_dropout:
            raise ValueError(
                "A PlainGRU has no dropout; use keras.layers.GRU. Received: "
                f"dropout={self.dropout}, recurrent_dropout={self.recurrent_dropout}"
            )
        for layer in (self, self.cell):
            layer._seed_generators.clear()
