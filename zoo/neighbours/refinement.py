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
    vectors: np.ndarray, bits: np.ndarray, seed: int = 0, gain: float | None = None
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
    rng = np.random.default_rng(seed)

    def left_by_others(bit: np.ndarray, i: int) -> np.ndarray:
        """What the bits but this one leave of the similarities, times a bit."""
        products = bits.T @ bit
        products[i] = 0
        left = factor * (vectors @ (vectors.T @ bit)) - bits @ products
        return left - left.mean()

    for _ in range(SWEEPS):
        changed = 0
        for i in rng.permutation(length):
            bit = bits[:, i] - bits[:, i].mean()
            left = left_by_others(bit, i)
            for inertia in INERTIA:
                new = np.where(left + inertia * count * bit >= 0, np.float32(1), np.float32(-1))
                centred = new - new.mean()
                if centred @ left_by_others(centred, i) >= bit @ left:
                    changed += int(np.sum(new != bits[:, i]))
                    bits[:, i] = new
                    break
        if changed < 1e-3 * bits.size:
            break
    return bits
