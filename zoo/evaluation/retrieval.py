"""Exact retrieval measures in which ties count at their expectation."""

from __future__ import annotations

import concurrent.futures
import os
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from zoo.evaluation.threads import one_thread

# Distances of at most this many pairs are held at once by each thread.
BLOCK = 5_000_000

T = TypeVar("T")


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
    squares = [np.einsum("ij,ij->i", rows, rows) for rows in (a, b)]
    return squares[0][:, None] - 2 * a @ b.T + squares[1]


def relevance(query_labels: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Which entries are relevant to which queries: those with the same label, or a common one.

    Args:
        query_labels: Labels `[q]`, or 0 and 1 `[q, labels]` where a row may have several.
        labels: Of the database, `[n]` or `[n, labels]`.

    Returns:
        Booleans `[q, n]`.
    """
    if labels.ndim == 1:
        return query_labels[:, None] == labels
    return query_labels.astype("float32") @ labels.astype("float32").T > 0


def over_blocks(
    work: Callable[[slice, np.ndarray], T], queries: np.ndarray, database: np.ndarray, binary: bool
) -> list[T]:
    """Does some work on the distances of all pairs, some queries at a time, on all cores.

    Args:
        work: Called with a slice of the queries and their distances `[some, n]`.
        queries: Codes `[q, size]`: bits if `binary`, else real.
        database: Codes `[n, size]`.
        binary: Whether to compare by Hamming or by squared Euclidean distance.

    Returns:
        What the calls returned, in the order of the queries.
    """
    distances = hamming_distances if binary else squared_distances
    block = max(1, BLOCK // len(database))
    slices = [slice(i, i + block) for i in range(0, len(queries), block)]
    # The blocks share the cores, so that products within a block need no threads.
    with (
        one_thread(),
        concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        return list(pool.map(lambda some: work(some, distances(queries[some], database)), slices))


def nearest(distances: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which entries are among the k nearest of each query, and which only share in it.

    Args:
        distances: `[q, n]`.
        k: Number of entries, at most n.

    Returns:
        Entries nearer than the k-th, booleans `[q, n]`; entries at its distance, booleans
        `[q, n]`; and, float64 `[q]`, the share of the latter that the places left to them
        hold: the probability of each under random orders of equal distances.

    Raises:
        ValueError: If k is not in 1 to n.
    """
    if not 1 <= k <= distances.shape[1]:
        raise ValueError(f"`k` must be in 1 to {distances.shape[1]}. Received: k={k}")
    kth = np.partition(distances, k - 1, axis=1)[:, k - 1 : k]
    nearer, tied = distances < kth, distances == kth
    return nearer, tied, (k - nearer.sum(1)) / tied.sum(1)


def precision_and_recall_at_k(
    distances: np.ndarray, relevant: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """What share of the k nearest is relevant, and what share of the relevant is among them.

    Both are expectations over random orders of equal distances.

    Args:
        distances: `[q, n]`.
        relevant: Booleans `[q, n]`.
        k: Number of entries, at most n.

    Returns:
        Two float64 `[q]`; recall is NaN where nothing is relevant.

    Raises:
        ValueError: If k is not in 1 to n.

    Example:
    >>> precision_and_recall_at_k(np.array([[0, 1, 1]]), np.array([[True, True, False]]), k=2)
    (array([0.75]), array([0.75]))
    """
    nearer, tied, share = nearest(distances, k)
    hits = (nearer & relevant).sum(1) + share * (tied & relevant).sum(1)
    return hits / k, _ratio(hits, relevant.sum(1))


def average_precision(distances: np.ndarray, relevant: np.ndarray) -> np.ndarray:
    """Average precision of each query's ranking of all entries.

    The mean, over the relevant entries, of the precision down to each of them, as the
    expectation over random orders of equal distances: within `n` equal distances, `r` of them
    relevant, a place holds a relevant entry with the probability r / n, and each of the i - 1
    places before it in the group another one with (r - 1) / (n - 1).

    Args:
        distances: `[q, n]`.
        relevant: Booleans `[q, n]`.

    Returns:
        float64 `[q]`; NaN where nothing is relevant.

    Reference:
        [McSherry & Najork, Computing Information Retrieval Performance Measures Efficiently in
        the Presence of Tied Scores, 2008](https://doi.org/10.1007/978-3-540-78646-7_38)

    Example:
    >>> average_precision(np.array([[0, 0]]), np.array([[True, False]]))
    array([0.75])
    """
    entries = distances.shape[1]
    harmonic = np.concatenate([[0], np.cumsum(1 / np.arange(1, entries + 1))])
    totals = np.empty(len(distances))
    for i, (row, hits) in enumerate(zip(distances, relevant, strict=True)):
        sorted_row = np.sort(row)
        ties, r = np.unique(row[hits], return_counts=True)
        start, end = (np.searchsorted(sorted_row, ties, side) for side in ("left", "right"))
        n, before = end - start, np.cumsum(r) - r
        # Sum over the places p = start + 1 .. end of (before + 1 + slope (p - start - 1)) / p.
        slope = (r - 1) / np.maximum(n - 1, 1)
        places = (before + 1 - slope * (start + 1)) * (harmonic[end] - harmonic[start])
        totals[i] = (r / n * (places + slope * n)).sum()
    return _ratio(totals, relevant.sum(1))


def by_radius(
    queries: np.ndarray, database: np.ndarray, query_labels: np.ndarray, labels: np.ndarray
) -> list[dict[str, float]]:
    """What queries find within each Hamming radius; see `relevance`.

    Args:
        queries: Bits `[q, bits]`.
        database: Bits `[n, bits]`.
        query_labels: `[q]`, or `[q, labels]`.
        labels: `[n]`, or `[n, labels]`.

    Returns:
        For each radius from 0 to where everything is found: `radius`; `results`, entries
        found by a query in the mean; `answered`, the share of queries that find any;
        `precision`, the mean share of relevant entries among those found, 0 for a query that
        finds nothing, as is usual for hash codes; `recall`, the mean share of the relevant
        entries that are found, over queries to which any is relevant.
    """
    bits = queries.shape[1]
    found = np.zeros((len(queries), bits + 1))
    hits = np.zeros_like(found)

    def count(some: slice, distances: np.ndarray) -> None:
        bins = distances.astype("int64") + np.arange(len(distances))[:, None] * (bits + 1)
        relevant = relevance(query_labels[some], labels)
        shape, size = (len(distances), bits + 1), len(distances) * (bits + 1)
        found[some] = np.bincount(bins.ravel(), minlength=size).reshape(shape)
        hits[some] = np.bincount(bins[relevant], minlength=size).reshape(shape)

    over_blocks(count, queries, database, binary=True)
    found, hits = found.cumsum(1), hits.cumsum(1)
    precision = (hits / np.maximum(found, 1)).mean(0)
    has_relevant = hits[:, -1] > 0
    recall = np.zeros(bits + 1)
    if has_relevant.any():
        recall = (hits[has_relevant] / hits[has_relevant, -1:]).mean(0)
    last = int(np.argmax((found == len(database)).all(0)))
    return [
        {
            "radius": radius,
            "results": float(found[:, radius].mean()),
            "answered": float((found[:, radius] > 0).mean()),
            "precision": float(precision[radius]),
            "recall": float(recall[radius]),
        }
        for radius in range(last + 1)
    ]


def _ratio(totals: np.ndarray, counts: np.ndarray) -> np.ndarray:
    return np.divide(totals, counts, out=np.full(len(totals), np.nan), where=counts > 0)
