"""Asymmetric distances: how much a query's own confidence per bit speaks against an entry.

The entries are binary, the query is not: its margin in each bit (the signed distance of its
activation from the threshold) says how sure that bit is. The asymmetric distance to an entry
is the sum of the absolute margins of the bits in which they differ (after Gordo, Perronnin,
Gong, Lazebnik, "Asymmetric distances for binary embeddings", 2014).

Distances are summed byte by byte from a table of 256 values for each byte of the query, in
the same order everywhere, so that all ways of searching agree to the last digit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from serving.index.codes import word_count, word_dtype

SLACK = 1e-9  # relative; more than the rounding of a sum of 512 margins
_BITS_OF_BYTES = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)


@dataclass(frozen=True, eq=False)
class Weights:
    """Weights of the bits of several queries.

    Attributes:
        bits: float64 [queries, words * bits of a word], in the order of the code's bits.
    """

    bits: np.ndarray

    @cached_property
    def bytes(self) -> np.ndarray:
        """float64 [queries, bytes, 256]: the sum of the weights of each byte's ones."""
        by_byte = self.bits.reshape(len(self.bits), -1, 8)
        return np.ascontiguousarray(by_byte @ _BITS_OF_BYTES.T.astype(np.float64))

    @cached_property
    def least(self) -> np.ndarray:
        """float64 [queries, bits + 1]: the least that so many differing bits can weigh."""
        sums = np.zeros((len(self.bits), self.bits.shape[1] + 1))
        np.cumsum(np.sort(self.bits, axis=1), axis=1, out=sums[:, 1:])
        return sums * (1 - SLACK)

    def __getitem__(self, queries: Any) -> Weights:
        return Weights(self.bits[queries])


def check_margins(margins: np.ndarray, queries: int, bits: int) -> Weights:
    """Checks margins, float [queries, bits] or [bits] for one query.

    Raises:
        ValueError: If the shape is wrong or a margin is not finite.
    """
    margins = np.atleast_2d(np.asarray(margins))
    if margins.dtype.kind not in "fiu" or margins.shape != (queries, bits):
        raise ValueError(
            f"margins must be numbers of shape [{queries}, {bits}], one for each bit of each "
            f"query. Received: shape={margins.shape}, dtype={margins.dtype}"
        )
    weights = np.abs(margins.astype(np.float64))
    if not np.isfinite(weights).all():
        raise ValueError("margins must be finite. Received: NaN or infinity")
    size = word_count(bits) * word_dtype(bits).itemsize * 8
    # Padding bits are zero in every code: they never differ, whatever their weight. The last
    # bits of a code that does not fill its word come last in the order of bits.
    padded = np.zeros((queries, size))
    padded[:, :bits] = weights
    return Weights(padded)


def asymmetric(words: np.ndarray, query: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Asymmetric distances of words [words, n] to one query [words], float64 [n].

    Args:
        words: The entries' codes.
        query: The query's code.
        table: One query's `Weights.bytes`, [bytes, 256].
    """
    total = np.zeros(words.shape[1])
    size = words.dtype.itemsize
    for word in range(len(words)):
        differing = (words[word] ^ query[word]).astype(words.dtype.newbyteorder(">"))
        columns = differing.view(np.uint8).reshape(-1, size)
        for byte in range(size):
            total += table[word * size + byte][columns[:, byte]]
    return total
