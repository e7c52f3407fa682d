"""Bits whose inner products are those of real vectors, found bit by bit."""

from __future__ import annotations

import numpy as np

# The vectors' inner products are taken so many times as large as balanced, uncorrelated bits can
# reproduce: near neighbours then agree in more bits, and the others are content to be far.
GAIN = 1.5
# Shares of its old value that a bit keeps, so that not all rows change sides at once: the first
# that brings the fit nearer is taken.
INERTIA = (0.25, 1.0, 4.0, 16.0)
SWEEPS = 10


def refine_bits(
    vectors: np.ndarray,
    bits: np.ndarray,
    seed: int = 0,
    gain: float | None = None,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """Fits the inner products of codes to those of vectors, changing one bit after the other.

    The squared difference of `B Bᵀ` and a multiple of `Z Zᵀ` is brought down by coordinates:
    each bit in turn takes the sign of what the others leave of the similarities, and is
    balanced; it stays as it was where that would bring the codes no nearer. Vectors of more
    dimensions than there are bits are what this is good for: a rotation could not use them.

    Args:
        vectors: Rows `[n, dims]` of length 1, centred.
        bits: Codes of -1 and 1 `[n, bits]` to begin with.
        seed: Seed of the order of the bits.
        gain: The multiple; by default 1.5 for each dimension, or bit if there are more.
        weights: What rows count `[n]`, a pair by the product of both; by default all alike.

    Returns:
        Codes of -1 and 1, float32 `[n, bits]`.

    Reference:
        [Liu et al., Discrete Graph Hashing, 2014](https://papers.nips.cc/paper/2014/hash/f63f65b503e22cb970527f23c9ad7db1-Abstract.html),
        for discrete instead of relaxed bits; [Lin et al., Fast Supervised Hashing,
        2014](https://doi.org/10.1109/CVPR.2014.253), for codes found bit by bit

    Example:
    >>> codes = refine_bits(vectors, np.sign(vectors[:, :16]))
    """
    vectors, bits = np.asarray(vectors, "float32"), np.array(bits, "float32")
    count, length = bits.shape
    factor = np.float32(GAIN * max(length, vectors.shape[1]) if gain is None else gain)
    weights = np.ones(count) if weights is None else weights / weights.mean()
    weights = weights.astype("float32")
    rng = np.random.default_rng(seed)

    def centre(values: np.ndarray) -> np.ndarray:
        return values - (weights @ values) / np.float32(count)

    def left_by_others(bit: np.ndarray, i: int) -> np.ndarray:
        """What the bits but this one leave of the similarities, times a bit."""
        weighted = weights * bit
        products = bits.T @ weighted
        products[i] = 0
        return centre(factor * (vectors @ (vectors.T @ weighted)) - bits @ products)

    for _ in range(SWEEPS):
        changed = 0
        for i in rng.permutation(length):
            bit = centre(bits[:, i])
            left = left_by_others(bit, i)
            for inertia in INERTIA:
                new = np.where(left + inertia * count * bit >= 0, np.float32(1), np.float32(-1))
                centred = centre(new)
                if (weights * centred) @ left_by_others(centred, i) >= (weights * bit) @ left:
                    changed += int(np.sum(new != bits[:, i]))
                    bits[:, i] = new
                    break
        if changed < 1e-3 * bits.size:
            break
    return bits


def row_weights(vectors: np.ndarray) -> np.ndarray:
    """Weights by which groups of many rows do not take all the bits.

    A row counts the less the more rows are like it, or opposite to it: by the root of the mean
    square of its inner products with all rows, inversely.

    Args:
        vectors: Rows `[n, dims]` of length 1.

    Returns:
        Floats `[n]`, to be given to `refine_bits`.

    Example:
    >>> codes = refine_bits(vectors, bits, weights=row_weights(vectors))
    """
    products = vectors.T @ vectors / len(vectors)
    return np.maximum(np.sum(vectors @ products * vectors, axis=1), 1e-9) ** -0.5
