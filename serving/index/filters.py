"""Searching among some entries only: those with given ids, or whose payload passes a test.

A filter makes the snapshot smaller, or is applied to results; either way what is returned is
exactly what a search of an index of the passing entries alone would return.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from serving.index.arguments import check_ids, payload
from serving.index.results import Matches, Neighbors
from serving.index.segment import Segment
from serving.index.snapshot import Part, Snapshot

Predicate = Callable[[Any], bool]
TAKE_SHARE = 64  # copy the rows if they are fewer than this share of a segment


def among(snapshot: Snapshot, ids: np.ndarray) -> Snapshot:
    """A snapshot of the entries with these ids only; ids that are not there don't matter."""
    ids = np.unique(check_ids(ids))
    parts = []
    for part in snapshot.parts:
        rows = part.rows_of(ids)
        rows = rows[rows >= 0]
        if len(rows) * TAKE_SHARE < len(part.segment):
            parts.append(Part(part.segment.take(rows)))
        else:
            dead = np.ones(len(part.segment), bool)
            dead[rows] = False
            parts.append(Part(part.segment, dead))
    return Snapshot(snapshot.bits, tuple(parts), Part(Segment.empty(snapshot.bits)))


class PayloadTest:
    """A predicate over the payloads of one snapshot, asked once an entry.

    Args:
        snapshot: Whose payloads.
        predicate: Is called with a payload (None for an entry without one).
    """

    def __init__(self, snapshot: Snapshot, predicate: Predicate):
        self._snapshot = snapshot
        self._predicate = predicate
        self._known: dict[int, bool] = {}

    def passes(self, ids: np.ndarray) -> np.ndarray:
        """Which entries pass, bool [n]; False for an id of -1."""
        new = np.array([number for number in ids.tolist() if number not in self._known], np.int64)
        for part in self._snapshot.parts:
            rows = part.rows_of(new)
            for place in np.flatnonzero(rows >= 0):
                value = payload(part.segment.text(rows[place]))
                self._known[int(new[place])] = bool(self._predicate(value))
        return np.array([self._known.get(number, False) for number in ids.tolist()], bool)

    def passing(self) -> np.ndarray:
        """Ids of all entries that pass."""
        ids = np.concatenate(
            [part.living().ids for part in self._snapshot.parts] or [np.empty(0, np.int64)]
        )
        return ids[self.passes(ids)]

    def filter_matches(self, matches: Matches) -> Matches:
        """Matches that pass."""
        keep = self.passes(matches.ids)
        kept = np.concatenate([[0], np.cumsum(keep)])
        return Matches(matches.ids[keep], matches.distances[keep], kept[matches.offsets])

    def nearest(self, search: Callable[[Snapshot, int], Neighbors], k: int) -> Neighbors:
        """The k nearest that pass: asks for more until enough do.

        Args:
            search: Finds the nearest of a snapshot's entries, so many for each query.
            k: How many.
        """
        wanted = 4 * k
        while wanted < len(self._snapshot) // 8:
            found = search(self._snapshot, wanted)
            keep = self.passes(found.ids.ravel()).reshape(found.ids.shape)
            if (keep.sum(axis=1) >= k).all():
                first = np.argsort(~keep, axis=1, kind="stable")[:, :k]
                return Neighbors(
                    np.take_along_axis(found.ids, first, 1),
                    np.take_along_axis(found.distances, first, 1),
                )
            wanted *= 4
        return search(among(self._snapshot, self.passing()), k)
