"""Hash tables over parts of the codes of one segment, and the searches that probe them."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from serving.index.results import Hits

MIN_ENTRIES = 1 << 14  # below, a scan is as fast
THREADS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
MIN_QUERIES_PER_THREAD = 32


class Tables:
    """One table for each part of the code: rows by the value of these bits.

    Parts are as long as leaves about two entries or more in a bucket, so that all tables take
    4 bytes an entry each and little beside.

    Args:
        layout: int64 [tables, 4]: where a table's offsets begin; its bits: word, shift, length.
        offsets: uint32, bucket boundaries of all tables.
        perm: uint32 [tables, n], rows in bucket order.
    """

    def __init__(self, layout: np.ndarray, offsets: np.ndarray, perm: np.ndarray):
        self.layout = layout
        self.offsets = offsets
        self.perm = perm

    @classmethod
    def build(cls, words: np.ndarray, bits: int) -> Tables:
        """Tables over codes [words, n] of `bits` bits."""
        from serving.index import kernels  # Numba is loaded when an index is large enough

        n = words.shape[1]
        layout = choose_layout(n, bits, words.dtype.itemsize * 8)
        sizes = (1 << layout[:, 3]) + 1
        offsets = np.zeros(int(sizes.sum()), np.uint32)
        perm = np.empty((len(layout), n), np.uint32)

        def fill(table: int) -> None:
            start, word, shift, length = layout[table]
            own = offsets[start : start + sizes[table]]
            kernels.fill_table(words[word], shift, length, own, perm[table])

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(fill, range(len(layout))))
        return cls(layout, offsets, perm)

    def nearest(
        self,
        words: np.ndarray,
        dead: np.ndarray,
        queries: np.ndarray,
        k: int,
        bounds: np.ndarray,
        budget: np.ndarray,
    ) -> tuple[Hits, np.ndarray]:
        """The k nearest rows of each query, ties by row.

        Args:
            words: The segment's codes [words, n].
            dead: bool [n], or empty.
            queries: Words [words, queries].
            k: How many.
            bounds: int64 [queries]; farther rows are not wanted.
            budget: float64 [3], see `serving.index.kernels`.

        Returns:
            Hits of the queries that kept to the budget, and the report.
        """
        from serving.index import kernels

        keys = np.full((queries.shape[1], k), np.iinfo(np.uint64).max, np.uint64)
        report = np.zeros((queries.shape[1], 4), np.int64)

        def run(part: slice) -> None:
            kernels.nearest(
                _readonly(words),
                _readonly(self.perm),
                _readonly(self.offsets),
                self.layout,
                dead,
                np.ascontiguousarray(queries[:, part]),
                bounds[part],
                budget,
                keys[part],
                report[part],
            )

        _in_threads(run, queries.shape[1])
        found = np.where(report[:, 0] < 0, 0, report[:, 0])
        numbers = np.repeat(np.arange(len(found)), found)
        chosen = keys[np.arange(k) < found[:, None]]
        return Hits(numbers, *_split(chosen)), report

    def within(
        self,
        words: np.ndarray,
        dead: np.ndarray,
        queries: np.ndarray,
        radii: np.ndarray,
        budget: np.ndarray,
    ) -> tuple[Hits, np.ndarray]:
        """All rows within each query's radius; arguments and result as of `nearest`."""
        from serving.index import kernels

        report = np.zeros((queries.shape[1], 4), np.int64)
        found: dict[int, np.ndarray] = {}

        def run(part: slice) -> None:
            keys = np.empty(1024, np.uint64)
            while True:
                kernels.within(
                    _readonly(words),
                    _readonly(self.perm),
                    _readonly(self.offsets),
                    self.layout,
                    dead,
                    np.ascontiguousarray(queries[:, part]),
                    radii[part],
                    budget,
                    keys,
                    report[part],
                )
                total = int(np.maximum(report[part, 0], 0).sum())
                if total <= len(keys):
                    found[part.start] = keys[:total]
                    return
                keys = np.empty(total, np.uint64)

        _in_threads(run, queries.shape[1])
        counts = np.maximum(report[:, 0], 0)
        keys = np.concatenate([found[start] for start in sorted(found)])
        return Hits(np.repeat(np.arange(len(counts)), counts), *_split(keys)), report


def choose_layout(n: int, bits: int, word_bits: int) -> np.ndarray:
    """Which bits of which word each table covers; see `Tables`."""
    longest = max(int(np.log2(max(n, 2))) - 1, 1)
    rows: list[tuple[int, int, int, int]] = []
    start = 0
    for word in range(-(-bits // word_bits)):
        used = min(bits - word * word_bits, word_bits)
        tables = -(-used // longest)
        at = word_bits
        for table in range(tables):
            length = used // tables + (table < used % tables)
            at -= length
            rows.append((start, word, at, length))
            start += (1 << length) + 1
    return np.array(rows, np.int64)


def _in_threads(run: Callable[[slice], Any], queries: int) -> None:
    parts = min(THREADS, queries // MIN_QUERIES_PER_THREAD)
    if parts < 2:
        run(slice(0, queries))
        return
    edges = np.linspace(0, queries, parts + 1).astype(int).tolist()
    slices = [slice(start, stop) for start, stop in itertools.pairwise(edges)]
    with ThreadPoolExecutor(parts) as pool:
        list(pool.map(run, slices))


def _split(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return (keys & np.uint64(0xFFFFFFFF)).astype(np.int64), (keys >> np.uint64(32)).astype(np.int64)


def _readonly(array: np.ndarray) -> np.ndarray:
    """One compiled version serves arrays in memory and mapped from files."""
    view = array.view()
    view.flags.writeable = False
    return view
