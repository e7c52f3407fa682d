"""Plans and runs exact searches over a snapshot: buckets and tables where they pay, else scans.

Each part of the snapshot is searched with the cheaper of two exact ways. Probing a segment's
tables costs what the number of probes and of the candidates in them says; how many are needed
shows only on the way, so a query probes while that costs less than a share of a scan, and
then scans. The worst case is thus little more than a scan. Costs are in nanoseconds, measured
on one core; they decide speed only, never the answer.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from serving.index.results import Hits
from serving.index.scan import scan_nearest, scan_weighted, scan_within
from serving.index.snapshot import Part, Snapshot
from serving.index.weights import Weights

SCAN_COST = 0.6  # a word of a row
CACHED_COST = 12.0  # a probe or a candidate, if the codes stay in the processor's cache
UNCACHED_COST = 25.0
CACHE_BYTES = 1 << 24
PROBING_SHARE = 0.4
MIN_SHARE = 64  # k above this share of the entries: scan


@dataclass(frozen=True)
class Step:
    """What was done to answer one query from one part of the index.

    Attributes:
        method: "bucket" (the query's bucket, and flips of the whole code), "multi-index" (flips
            in parts of the code), "query-directed" (the least certain bits flipped first),
            "scan", or one of the former followed by ", then scan".
        entries: Entries of the part.
        tables: Number of tables; 0 if the part has none.
        radius: How many bits were flipped at most in a table; query-directed: how many sets of
            bits were flipped in a table.
        probes: Buckets looked up.
        candidates: Codes compared with the query.
        microseconds: How long it took.
    """

    method: str
    entries: int
    tables: int
    radius: int
    probes: int
    candidates: int
    microseconds: float

    def __str__(self) -> str:
        text = f"{self.method}: {self.candidates} of {self.entries} codes compared"
        if self.probes:
            text += f", {self.probes} buckets of {self.tables} tables"
        return f"{text}, {self.microseconds:.0f} us"


Found = list[tuple[Part, Hits]]


def search_within(
    snapshot: Snapshot, queries: np.ndarray, radius: int, steps: list[Step] | None = None
) -> Found:
    """Every entry within a radius of each query; arguments as of `search_nearest`."""
    radii = np.full(queries.shape[1], radius, np.int64)
    found: Found = []
    for part in snapshot.parts:
        started = time.perf_counter()
        tables, report, rest = part.segment.tables, None, np.arange(len(radii))
        hits = Hits.none()
        if tables is not None:
            place = part.segment.words, _dead(part), queries
            hits, report = tables.within(*place, radii, _budget(part))
            rest = np.flatnonzero(report[:, 0] < 0)
        if len(rest):
            hits = _add(hits, scan_within(part, queries[:, rest], radii[rest]), rest)
        found.append((part, hits))
        if steps is not None:
            steps.append(_step(part, report, time.perf_counter() - started))
    return found


def search_nearest(
    snapshot: Snapshot,
    queries: np.ndarray,
    k: int,
    weights: Weights | None = None,
    steps: list[Step] | None = None,
) -> Found:
    """The k nearest entries to each query, and perhaps more.

    Args:
        snapshot: Where to search.
        queries: Words [words, queries].
        k: How many.
        weights: Measure asymmetric distances with these instead of Hamming distances.
        steps: Is extended by what was done.
    """
    bounds = np.full(queries.shape[1], snapshot.bits, np.int64)
    if weights is not None:
        bounds = np.full(queries.shape[1], np.inf)
    found: Found = []
    for number, part in enumerate(snapshot.parts):
        started = time.perf_counter()
        tables, report, rest = part.segment.tables, None, np.arange(len(bounds))
        hits = Hits.none()
        limits = bounds.copy()
        if tables is not None and k <= part.live // MIN_SHARE:
            place = part.segment.words, _dead(part), queries
            if weights is None:
                hits, report = tables.nearest(*place, k, bounds, _budget(part))
                rest = rest[:0]
            else:
                hits, report = tables.nearest_weighted(*place, weights, k, limits, _budget(part))
                rest = np.flatnonzero(report[:, 0] < 0)
        if len(rest):
            if weights is None:
                scanned = scan_nearest(part, queries[:, rest], k, limits[rest])
            else:
                scanned = scan_weighted(part, queries[:, rest], weights[rest], k, limits[rest])
            hits = _add(hits, scanned, rest)
        found.append((part, hits))
        if number + 1 < len(snapshot.parts):
            bounds = _tighter(bounds, hits, k)
        if steps is not None:
            steps.append(_step(part, report, time.perf_counter() - started, weights is not None))
    return found


def _budget(part: Part) -> np.ndarray:
    words = part.segment.words
    scan = SCAN_COST * words.size
    cost = CACHED_COST if words.nbytes <= CACHE_BYTES else UNCACHED_COST
    return np.array([cost, cost, scan * PROBING_SHARE])


def _dead(part: Part) -> np.ndarray:
    return np.empty(0, bool) if part.dead is None else part.dead


def _add(hits: Hits, more: Hits, numbers: np.ndarray) -> Hits:
    """Hits with those of a scan of some of the queries."""
    more = more._replace(queries=numbers[more.queries])
    if not len(hits.queries):
        return more
    both = Hits(*(np.concatenate(pair) for pair in zip(hits, more, strict=True)))
    order = np.argsort(both.queries, kind="stable")  # each query's hits are of one of the two
    return Hits(*(values[order] for values in both))


def _tighter(bounds: np.ndarray, hits: Hits, k: int) -> np.ndarray:
    """Bounds for the next part: nothing farther than a k-th entry found already is wanted."""
    bounds = bounds.copy()
    counts = np.bincount(hits.queries, minlength=len(bounds))
    full = counts >= k
    bounds[full] = hits.distances[np.cumsum(counts)[full] - 1]
    return bounds


def _step(part: Part, report: np.ndarray | None, seconds: float, weighted: bool = False) -> Step:
    entries, tables = len(part.segment), part.segment.tables
    count = 0 if tables is None else len(tables.layout)
    if report is None:
        return Step("scan", entries, count, -1, 0, entries, seconds * 1e6)
    found, radius, probes, candidates = (int(value) for value in report[0])
    method = "query-directed" if weighted else "bucket" if count == 1 else "multi-index"
    if probes == 1:
        method = "bucket"
    if found < 0:
        method = f"{method}, then scan" if probes else "scan"
        candidates += entries
    return Step(method, entries, count, radius, probes, candidates, seconds * 1e6)
