"""Exact search by comparing a query with every code, a cache-sized block at a time."""

from __future__ import annotations

import numpy as np

from serving.index.codes import hamming
from serving.index.results import Hits
from serving.index.snapshot import Part

BLOCK = 1 << 16


def scan_within(part: Part, queries: np.ndarray, radius: np.ndarray) -> Hits:
    """All entries of a part within each query's radius.

    Args:
        part: Where to search.
        queries: Words [words, queries].
        radius: int [queries]; a negative radius matches nothing.
    """
    found: list[tuple[int, np.ndarray, np.ndarray]] = []
    words, dead = part.segment.words, part.dead
    for start in range(0, words.shape[1], BLOCK):
        block = words[:, start : start + BLOCK]
        for query in range(queries.shape[1]):
            if radius[query] < 0:
                continue
            distances = hamming(block, queries[:, query])
            rows = np.flatnonzero(distances <= radius[query])
            if len(rows):
                found.append((query, rows + start, distances[rows]))
    return _hits(found, dead)


def scan_nearest(part: Part, queries: np.ndarray, k: int, bound: np.ndarray) -> Hits:
    """The k nearest entries of a part to each query, ties by row; more may be returned.

    Args:
        part: Where to search.
        queries: Words [words, queries].
        k: How many.
        bound: int [queries]; entries farther than this are not wanted.
    """
    count = queries.shape[1]
    bound = np.array(bound, np.int64)
    best = [np.empty(0, np.int64)] * count  # distance << 32 | row
    words, dead = part.segment.words, part.dead
    for start in range(0, words.shape[1], BLOCK):
        block = words[:, start : start + BLOCK]
        for query in range(count):
            distances = hamming(block, queries[:, query])
            rows = np.flatnonzero(distances <= bound[query])
            if dead is not None:
                rows = rows[~dead[rows + start]]
            if not len(rows):
                continue
            keys = np.concatenate(
                [best[query], (distances[rows].astype(np.int64) << 32) | (rows + start)]
            )
            if len(keys) > k:
                keys = np.partition(keys, k - 1)[:k]
                # Rows come in ascending order: from here on only nearer ones can get in.
                bound[query] = (int(keys[-1]) >> 32) - 1
            best[query] = keys
    keys = np.concatenate(best) if best else np.empty(0, np.int64)
    numbers = np.repeat(np.arange(count), [len(part) for part in best])
    return Hits(numbers, keys & 0xFFFFFFFF, keys >> 32)


def _hits(found: list[tuple[int, np.ndarray, np.ndarray]], dead: np.ndarray | None) -> Hits:
    if not found:
        return Hits(*(np.empty(0, np.int64) for _ in range(3)))
    rows = np.concatenate([rows for _, rows, _ in found])
    numbers = np.repeat([query for query, _, _ in found], [len(rows) for _, rows, _ in found])
    distances = np.concatenate([distances for _, _, distances in found]).astype(np.int64)
    if dead is None:
        return Hits(numbers, rows, distances)
    alive = ~dead[rows]
    return Hits(numbers[alive], rows[alive], distances[alive])
