"""Exact search by comparing a query with every code, a cache-sized block at a time."""

from __future__ import annotations

import numpy as np

from serving.index.codes import hamming
from serving.index.results import Hits
from serving.index.snapshot import Part
from serving.index.weights import Weights, asymmetric

BLOCK = 1 << 16


def scan_within(part: Part, queries: np.ndarray, radii: np.ndarray) -> Hits:
    """All entries of a part within each query's radius.

    Args:
        part: Where to search.
        queries: Words [words, queries].
        radii: int64 [queries].
    """
    found: list[list[np.ndarray]] = [[] for _ in radii]
    words, dead = part.segment.words, part.dead
    for start in range(0, words.shape[1], BLOCK):
        block = words[:, start : start + BLOCK]
        for query, keys in enumerate(found):
            distances = hamming(block, queries[:, query])
            rows = np.flatnonzero(distances <= radii[query])
            if dead is not None:
                rows = rows[~dead[rows + start]]
            if len(rows):
                keys.append(_keys(distances[rows], rows + start))
    return _hits([np.concatenate(keys) if keys else _NONE for keys in found])


def scan_nearest(part: Part, queries: np.ndarray, k: int, bounds: np.ndarray) -> Hits:
    """The k nearest entries of a part to each query, ties by row.

    Args:
        part: Where to search.
        queries: Words [words, queries].
        k: How many.
        bounds: int64 [queries]; entries farther than this are not wanted.
    """
    words, dead = part.segment.words, part.dead
    bounds = bounds.copy()
    best = [_NONE] * len(bounds)
    for start in range(0, words.shape[1], BLOCK):
        block = words[:, start : start + BLOCK]
        for query, bound in enumerate(bounds):
            distances = hamming(block, queries[:, query])
            rows = np.flatnonzero(distances <= bound)
            if dead is not None:
                rows = rows[~dead[rows + start]]
            if not len(rows):
                continue
            keys = np.concatenate([best[query], _keys(distances[rows], rows + start)])
            if len(keys) >= k:
                keys = np.partition(keys, k - 1)[:k]
                # Rows come in ascending order: from here on only nearer ones can get in.
                bounds[query] = int(keys[-1] >> np.uint64(32)) - 1
            best[query] = keys
    return _hits(best)


def scan_weighted(
    part: Part, queries: np.ndarray, weights: Weights, k: int, bounds: np.ndarray
) -> Hits:
    """The k nearest entries of a part by asymmetric distance, ties by row.

    Entries whose Hamming distance alone puts them beyond the k-th best are passed over.

    Args:
        part: Where to search.
        queries: Words [words, queries].
        weights: The queries' weights.
        k: How many.
        bounds: float64 [queries]; entries farther than this are not wanted.
    """
    words, dead = part.segment.words, part.dead
    best: list[tuple[np.ndarray, np.ndarray]] = []
    for query, bound in zip(range(len(bounds)), bounds, strict=True):
        rows_kept, costs_kept = np.empty(0, np.int64), np.empty(0)
        for start in range(0, words.shape[1], BLOCK):
            block = words[:, start : start + BLOCK]
            reach = int(np.searchsorted(weights.least[query], bound, side="right")) - 1
            rows = np.flatnonzero(hamming(block, queries[:, query]) <= reach)
            if dead is not None:
                rows = rows[~dead[rows + start]]
            costs = asymmetric(block[:, rows], queries[:, query], weights.bytes[query])
            near = costs <= bound
            rows_kept = np.concatenate([rows_kept, rows[near] + start])
            costs_kept = np.concatenate([costs_kept, costs[near]])
            if len(rows_kept) > k:
                order = np.lexsort((rows_kept, costs_kept))[:k]
                rows_kept, costs_kept = rows_kept[order], costs_kept[order]
                bound = costs_kept[-1]
        order = np.lexsort((rows_kept, costs_kept))
        best.append((rows_kept[order], costs_kept[order]))
    numbers = np.repeat(np.arange(len(best)), [len(rows) for rows, _ in best])
    return Hits(
        numbers,
        np.concatenate([rows for rows, _ in best]),
        np.concatenate([costs for _, costs in best]),
    )


_NONE = np.empty(0, np.uint64)


def _keys(distances: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return (distances.astype(np.uint64) << np.uint64(32)) | rows.astype(np.uint64)


def _hits(found: list[np.ndarray]) -> Hits:
    numbers = np.repeat(np.arange(len(found)), [len(keys) for keys in found])
    return Hits.of_keys(numbers, np.concatenate([_NONE, *(np.sort(keys) for keys in found)]))
