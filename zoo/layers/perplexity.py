"""`Perplexity`: how many entries of a codebook are in effective use."""

from __future__ import annotations

from typing import Any

import keras


class Perplexity(keras.metrics.Metric):
    """The exponential of the entropy of the codes' shares, since the last reset.

    1 if all vectors share one code, the number of codes if all are used alike; with several
    codebooks the mean over them.

    Args:
        groups: Number of codebooks.
        codes: Number of vectors in each.
        name: The metric's name.
    """

    def __init__(self, groups: int, codes: int, name: str = "perplexity"):
        super().__init__(name=name)
        self.used = self.add_variable((groups, codes), initializer="zeros", name="used")

    def update_state(self, used: Any) -> None:
        """Adds how often each code was used, float32 `[groups, codes]`."""
        self.used.assign_add(used)

    def result(self) -> Any:
        """The perplexity so far; 1 before anything was counted."""
        total = keras.ops.sum(self.used, axis=-1, keepdims=True)
        share = self.used / keras.ops.maximum(total, 1.0)
        logarithm = keras.ops.log(keras.ops.where(share > 0, share, 1.0))
        return keras.ops.mean(keras.ops.exp(-keras.ops.sum(share * logarithm, axis=-1)))
