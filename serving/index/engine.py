"""Plans and runs exact searches over a snapshot: buckets and tables where they pay, else scans.

Each part of the snapshot is searched with the cheaper of two exact ways. Probing a segment's
tables costs what the number of probes and of the candidates in them says; how many are needed
shows only on the way, so a query probes while that costs less than half a scan, and then
scans. The worst case is thus one and a half scans. Costs are in nanoseconds, measured on one
core; they decide speed only, never the answer.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from serving.index.results import Hits
from serving.index.scan import scan_nearest, scan_within
from serving.index.snapshot import Part, Snapshot
from serving.index.tables import Tables

SCAN_COST = 0.8  # a word of a row
CACHED_COST = 12.0  # a probe or a candidate, if the codes stay in the processor's cache
UNCACHED_COST = 25.0
CACHE_BYTES = 1 << 24
PROBING_SHARE = 0.5
MIN_SHARE = 64  # k above this share of the entries: scan


@dataclass(frozen=True)
class Step:
    """What was done to answer one query from one part of the index.

    Attributes:
        method: "bucket" (the code's own bucket, or flips of the whole code), "multi-index"
            (flips within parts of the code), "scan", or "multi-index, then scan".
        entries: Entries of the part.
        tables: Number of tables; 0 if the part has none.
        radius: Largest number of flips in a table; -1 without probes.
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
        if self.radius >= 0:
            text += f", {self.probes} buckets of {self.tables} tables, up to {self.radius} flips"
        return f"{text}, {self.microseconds:.0f} us"


Found = list[tuple[Part, Hits]]


def search_within(
    snapshot: Snapshot, queries: np.ndarray, radius: int, steps: list[Step] | None = None
) -> Found:
    """Every entry within a radius of each query.

    Args:
        snapshot: Where to search.
        queries: Words [words, queries].
        radius: In bits.
        steps: Is extended by what was done.
    """
    radii = np.full(queries.shape[1], radius, np.int64)
    found: Found = []
    for part in snapshot.parts:
        started = time.perf_counter()
        tables, report = part.segment.tables, None
        if tables is None:
            hits = scan_within(part, queries, radii)
        else:
            dead, budget = _dead(part), _budget(part)
            hits, report = tables.within(part.segment.words, dead, queries, radii, budget)
            rest = np.flatnonzero(report[:, 0] < 0)
            if len(rest):
                hits = _add(hits, scan_within(part, queries[:, rest], radii[rest]), rest)
        found.append((part, hits))
        if steps is not None:
            steps.append(_step(part, tables, report, time.perf_counter() - started))
    return found


def search_nearest(
    snapshot: Snapshot, queries: np.ndarray, k: int, steps: list[Step] | None = None
) -> Found:
    """The k nearest entries to each query, and perhaps more; arguments as of `search_within`."""
    bounds = np.full(queries.shape[1], snapshot.bits, np.int64)
    found: Found = []
    for number, part in enumerate(snapshot.parts):
        started = time.perf_counter()
        tables, report = part.segment.tables, None
        if tables is None or k > part.live // MIN_SHARE:
            hits = scan_nearest(part, queries, k, bounds)
        else:
            dead, budget = _dead(part), _budget(part)
            hits, report = tables.nearest(part.segment.words, dead, queries, k, bounds, budget)
            rest = np.flatnonzero(report[:, 0] < 0)
            if len(rest):
                hits = _add(hits, scan_nearest(part, queries[:, rest], k, bounds[rest]), rest)
        found.append((part, hits))
        if number + 1 < len(snapshot.parts):
            bounds = _tighter(bounds, hits, k)
        if steps is not None:
            steps.append(_step(part, tables, report, time.perf_counter() - started))
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
    renumbered = Hits(numbers[more.queries], more.rows, more.distances)
    return Hits(*(np.concatenate(pair) for pair in zip(hits, renumbered, strict=True)))


def _tighter(bounds: np.ndarray, hits: Hits, k: int) -> np.ndarray:
    """Bounds for the next part: nothing farther than a k-th entry found already is wanted."""
    counts = np.bincount(hits.queries, minlength=len(bounds))
    farthest = np.full(len(bounds), -1, np.int64)
    np.maximum.at(farthest, hits.queries, hits.distances)
    return np.where(counts >= k, np.minimum(bounds, farthest), bounds)


def _step(part: Part, tables: Tables | None, report: np.ndarray | None, seconds: float) -> Step:
    entries, count = len(part.segment), 0 if tables is None else len(tables.layout)
    if report is None:
        return Step("scan", entries, count, -1, 0, entries, seconds * 1e6)
    found, radius, probes, candidates = (int(value) for value in report[0])
    if found < 0:
        method = "multi-index, then scan" if probes else "scan"
        candidates += entries
        radius = radius if probes else -1
    else:
        method = "bucket" if count == 1 or probes == 1 else "multi-index"
    return Step(method, entries, count, radius, probes, candidates, seconds * 1e6)
