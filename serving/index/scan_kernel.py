"""Compiled scan for the nearest rows; see `serving.index.kernels` for the arguments' shapes."""

from __future__ import annotations

import numpy as np

from serving.index.kernels import compiled, popcount, push

BLOCK = 512  # rows: their codes and distances stay in the L1 cache for all queries


@compiled
def scan_nearest(words, dead, queries, bounds, keys, counts):  # type: ignore[no-untyped-def]
    """The k nearest rows of each query, by looking at all rows.

    Args: see `serving.index.kernels`; bounds: int64 [queries], farther rows are not wanted;
    keys: uint64 [queries, k], filled with heaps in no order; counts: int64 [queries], zeros,
    filled with how many were found.
    """
    n, k = words.shape[1], keys.shape[1]
    distances = np.empty(BLOCK, np.uint64)
    limits = np.empty(len(bounds), np.uint64)  # keys below them are wanted
    for number in range(len(bounds)):
        limits[number] = (np.uint64(bounds[number] + 1) << np.uint64(32)) - np.uint64(1)
    for start in range(0, n, BLOCK):
        size = min(BLOCK, n - start)
        for number in range(len(bounds)):
            distances[:] = 0
            for word in range(len(words)):
                column = words[word, start : start + size]
                query = queries[word, number]
                for i in range(len(column)):
                    distances[i] += popcount(np.uint64(column[i] ^ query))
            limit = limits[number]
            farthest = limit >> np.uint64(32)
            for i in range(size):
                if distances[i] > farthest:
                    continue
                key = (distances[i] << np.uint64(32)) | np.uint64(start + i)
                if key >= limit or (len(dead) and dead[start + i]):
                    continue
                counts[number] = push(keys[number], counts[number], key)
                if counts[number] == k:
                    limit = min(limit, keys[number, 0])
                    farthest = limit >> np.uint64(32)
            limits[number] = limit
