"""Exact retrieval measures in which ties count at their expectation."""

from __future__ import annotations

import numpy as np

# Distances of at most this many pairs are held at once.
BLOCK = 20_000_000


def hamming_distances(queries: np.ndarray, database: np.ndarray) -> np.ndarray:
    """Numbers of differing bits.

    Args:
        queries: Bits `[q, bits]`, 0 or 1.
        database: Bits `[n, bits]`.

    Returns:
        float32 `[q, n]`, whole numbers.
    """
    a, b = (2 * np.asarray(bits, "float32") - 1 for bits in (queries, database))
    return (a.shape[1] - a @ b.T) / 2


def squared_distances(queries: np.ndarray, database: np.ndarray) -> np.ndarray:
    """Squared Euclidean distances `[q, n]` of rows, float32, up to rounding."""
    a, b = (np.asarray(rows, "float32") for rows in (queries, database))
    return (a**2).sum(1)[:, None] - 2 * a @ b.T + (b**2).sum(1)


def precision_at_k(distances: np.ndarray, relevant: np.ndarray, k: int) -> np.ndarray:
    """The share of relevant entries among the k nearest of each query.

    Entries at the distance of the k-th share the places left to them: the result is the
    expectation over random orders of equal distances.

    Args:
        distances: `[q, n]`.
        relevant: Booleans `[q, n]`.
        k: Number of entries, at most n.

    Returns:
        float64 `[q]`.

    Raises:
        ValueError: If k is not in 1 to n.

    Example:
    >>> precision_at_k(np.array([[0, 1, 1]]), np.array([[True, True, False]]), k=2)
    array([0.75])
    """
    if not 1 <= k <= distances.shape[1]:
        raise ValueError(f"`k` must be in 1 to {distances.shape[1]}. Received: k={k}")
    kth = np.partition(distances, k - 1, axis=1)[:, k - 1 : k]
    nearer, tied = distances < kth, distances == kth
    hits_nearer = (nearer & relevant).sum(1)
    share_tied = (tied & relevant).sum(1) / tied.sum(1)
    return (hits_nearer + (k - nearer.sum(1)) * share_tied) / k


def mean_precision_at_k(
    queries: np.ndarray,
    database: np.ndarray,
    query_labels: np.ndarray,
    labels: np.ndarray,
    k: int,
    binary: bool,
) -> float:
    """Precision at k over all queries; relevant is what has the query's label.

    Args:
        queries: Codes `[q, size]`: bits if `binary`, else real.
        database: Codes `[n, size]`.
        query_labels: `[q]`.
        labels: `[n]`.
        k: Number of entries, at most n.
        binary: Whether to compare by Hamming or by Euclidean distance.
    """
    distances = hamming_distances if binary else squared_distances
    block = max(1, BLOCK // len(database))
    found = [
        precision_at_k(
            distances(queries[i : i + block], database),
            query_labels[i : i + block, None] == labels,
            k,
        )
        for i in range(0, len(queries), block)
    ]
    return float(np.mean(np.concatenate(found)))
