"""Which of several codes keeps neighbours best."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo.evaluation.retrieval import precision_and_recall_at_k

# So many rows judge, by whether the nearest codes belong to the nearest vectors. Where these are
# more, it counts how good a part codes find, and not whether they find the very nearest.
JUDGES, CODES, VECTORS = 1000, 100, 300


def most_faithful(vectors: np.ndarray, codes: Sequence[np.ndarray], seed: int = 0) -> np.ndarray:
    """Picks the codes by which rows find most of what is near by their vectors.

    For each of some rows, the share of the 100 nearest codes that are among the 300 rows with the
    largest inner products; equal distances count at their expectation.

    Args:
        vectors: Rows `[n, dims]` of length 1.
        codes: Codes of -1 and 1 of the same rows, each `[n, bits]`.
        seed: Seed of the choice of rows.

    Returns:
        One of the codes.

    Example:
    >>> best = most_faithful(vectors, [refine_bits(vectors, start) for start in starts])
    """
    count = len(vectors)
    rows = np.sort(np.random.default_rng(seed).permutation(count)[:JUDGES])
    own = np.arange(len(rows)), rows
    products = vectors[rows] @ vectors.T
    products[own] = -np.inf
    near = min(VECTORS, count - 1)
    relevant = products >= -np.partition(-products, near - 1, axis=1)[:, near - 1 : near]

    def found(some: np.ndarray) -> float:
        some = some.astype("float32")
        distances = -(some[rows] @ some.T)
        distances[own] = np.inf
        return precision_and_recall_at_k(distances, relevant, min(CODES, count - 1))[0].mean()

    return max(codes, key=found)
