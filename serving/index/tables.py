"""Hash tables over parts of the codes of one segment, and the searches that probe them."""

from __future__ import annotations

import numpy as np

from serving.index.parallel import in_threads, readonly
from serving.index.results import Hits
from serving.index.weights import SLACK, Weights

_LAST, _32 = np.iinfo(np.uint64).max, np.uint64(32)
MIN_ENTRIES = 1 << 14  # below, a scan is as fast


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
    def empty(cls, n: int, bits: int, word_bits: int) -> Tables:
        """Tables over n codes of `bits` bits in words of `word_bits`, yet to be filled."""
        layout = choose_layout(n, bits, word_bits)
        sizes = (1 << layout[:, 3]) + 1
        offsets = np.zeros(int(sizes.sum()), np.uint32)
        return cls(layout, offsets, np.empty((len(layout), n), np.uint32))

    def fill(self, table: int, words: np.ndarray) -> None:
        """Fills one table with the codes [words, n]; tables may be filled at the same time."""
        from serving.index import kernels  # Numba is loaded when an index is large enough

        start, word, shift, length = self.layout[table]
        own = self.offsets[start : start + (1 << length) + 1]
        kernels.fill_table(readonly(words[word]), shift, length, own, self.perm[table])

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
            Hits, and the report; where the budget ended probing, all rows were scanned.
        """
        from serving.index import kernels, scan_kernel

        count = queries.shape[1]
        keys = np.full((count, k), _LAST, np.uint64)
        report = np.zeros((count, 4), np.int64)
        counts = np.zeros(count, np.int64)

        def run(some: slice) -> None:
            own, shared = np.ascontiguousarray(queries[:, some]), readonly(words)
            probed = self.perm, self.offsets, self.layout
            kernels.nearest(
                shared, *probed, dead, own, bounds[some], budget, keys[some], report[some]
            )
            counts[some] = report[some, 0]
            scanned = np.flatnonzero(counts[some] < 0)
            if len(scanned):
                rest = scanned + some.start
                farthest = np.where(counts[rest] == -1 - k, keys[rest, 0] >> _32, bounds[rest])
                again = np.full((len(rest), k), _LAST, np.uint64)
                found = np.zeros(len(rest), np.int64)
                own = np.ascontiguousarray(queries[:, rest])
                scan_kernel.scan_nearest(shared, dead, own, farthest.astype(np.int64), again, found)
                keys[rest], counts[rest] = again, found

        in_threads(run, count)
        keys.sort(axis=1)
        chosen = keys[np.arange(k) < counts[:, None]]
        return Hits.of_keys(np.arange(count).repeat(counts), chosen), report

    def nearest_weighted(
        self,
        words: np.ndarray,
        dead: np.ndarray,
        queries: np.ndarray,
        weights: Weights,
        k: int,
        bounds: np.ndarray,
        budget: np.ndarray,
    ) -> tuple[Hits, np.ndarray]:
        """The k nearest rows by asymmetric distance; otherwise as `nearest`.

        Queries that ended early have no hits, and their bounds are lowered to what was found.
        """
        from serving.index import weighted_kernel

        count = queries.shape[1]
        costs = np.full((count, k), np.inf)
        rows = np.full((count, k), -1, np.int64)
        report = np.zeros((count, 4), np.int64)

        def run(part: slice) -> None:
            weighted_kernel.nearest_weighted(
                readonly(words),
                self.perm,
                self.offsets,
                self.layout,
                dead,
                np.ascontiguousarray(queries[:, part]),
                weights.bits[part],
                weights[part].bytes,
                bounds[part],
                budget,
                SLACK,
                costs[part],
                rows[part],
                report[part],
            )

        in_threads(run, count)
        cut_short = report[:, 0] == -1 - k
        bounds[cut_short] = costs[cut_short].max(axis=1, initial=0)
        order = np.lexsort((rows, costs), axis=1)
        counts = np.maximum(report[:, 0], 0)
        chosen = np.arange(k) < counts[:, None]
        rows = np.take_along_axis(rows, order, 1)[chosen]
        costs = np.take_along_axis(costs, order, 1)[chosen]
        return Hits(np.arange(count).repeat(counts), rows, costs), report

    def within(
        self,
        words: np.ndarray,
        dead: np.ndarray,
        queries: np.ndarray,
        radii: np.ndarray,
        budget: np.ndarray,
    ) -> tuple[Hits, np.ndarray]:
        """All rows within each query's radius; no hits for queries that ended early."""
        from serving.index import kernels

        report = np.zeros((queries.shape[1], 4), np.int64)
        found: dict[int, np.ndarray] = {}

        def run(part: slice) -> None:
            keys = np.empty(1024, np.uint64)
            while True:
                kernels.within(
                    readonly(words),
                    self.perm,
                    self.offsets,
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

        in_threads(run, queries.shape[1])
        counts = np.maximum(report[:, 0], 0)
        numbers = np.arange(len(counts)).repeat(counts)
        keys = np.concatenate([found[start] for start in sorted(found)])
        return Hits.of_keys(numbers, keys[np.lexsort((keys, numbers))]), report


def choose_layout(n: int, bits: int, word_bits: int) -> np.ndarray:
    """Which bits of which word each table covers; see `Tables`.

    The tables take at most twice what codes and ids do. Where all bits would take more, long
    codes of few entries, some bits are in no table: searches stay exact, and probe a little more.
    """
    longest = max(int(np.log2(max(n, 2))) - 1, 1)
    words = -(-bits // word_bits)
    full = -(-min(bits, word_bits) // longest)  # tables a word, to cover all its bits
    most = -(-min(bits, word_bits) // full)  # bits a table
    room = 2 * (-(-bits // 8) + 8) / (words * (4 + 4 * (2**most + 1) / n))
    rows: list[tuple[int, int, int, int]] = []
    start = 0
    for word in range(words):
        used = min(bits - word * word_bits, word_bits)
        tables = max(min(-(-used // most), int(room)), 1)
        covered = min(used, tables * most)
        at = word_bits
        for table in range(tables):
            length = covered // tables + (table < covered % tables)
            at -= length
            rows.append((start, word, at, length))
            start += (1 << length) + 1
    return np.array(rows, np.int64)
