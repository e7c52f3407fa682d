"""What an index holds at one moment: immutable, so that a search sees one state throughout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from serving.index.codes import to_words
from serving.index.log import Operation
from serving.index.segment import Segment, merge


@dataclass(frozen=True, eq=False)
class Part:
    """A segment less the entries that were removed from it since.

    Attributes:
        segment: The entries.
        dead: bool [n], True where an entry was removed; None if none was.
    """

    segment: Segment
    dead: np.ndarray | None = None

    @cached_property
    def live(self) -> int:
        """How many entries are left."""
        return len(self.segment) - (0 if self.dead is None else int(self.dead.sum()))

    def rows_of(self, ids: np.ndarray) -> np.ndarray:
        """Rows of ids, int64 [n]; -1 where an id is not in this part."""
        rows = self.segment.rows_of(ids)
        return rows if self.dead is None else np.where(self.dead[rows], -1, rows)

    def without(self, ids: np.ndarray) -> Part:
        """This part without some ids; itself if it holds none of them."""
        if not len(self.segment):
            return self
        rows = self.rows_of(ids)
        rows = rows[rows >= 0]
        if not len(rows):
            return self
        if self.segment.name is None:  # in memory and small: really remove
            keep = np.ones(len(self.segment), bool)
            keep[rows] = False
            return Part(self.segment.take(np.flatnonzero(keep)))
        dead = np.zeros(len(self.segment), bool) if self.dead is None else self.dead.copy()
        dead[rows] = True
        return Part(self.segment, dead)

    def living(self) -> Segment:
        """The entries that are left, as a segment in memory (or the segment itself)."""
        return self.segment if self.dead is None else self.segment.take(np.flatnonzero(~self.dead))


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The state of an index.

    Attributes:
        bits: Length of the codes.
        stored: Parts in files, the oldest first.
        recent: Entries that so far are only in the log and in memory.
    """

    bits: int
    stored: tuple[Part, ...]
    recent: Part

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """All parts that hold entries, the largest first; no id is in two of them."""
        parts = [part for part in (*self.stored, self.recent) if part.live]
        return tuple(sorted(parts, key=lambda part: -len(part.segment)))

    def __len__(self) -> int:
        return sum(part.live for part in self.parts)

    def contains(self, ids: np.ndarray) -> np.ndarray:
        """Which ids are there, bool [n]."""
        found = np.zeros(len(ids), bool)
        for part in self.parts:
            found |= part.rows_of(ids) >= 0
        return found

    def without(self, ids: np.ndarray) -> Snapshot:
        """The state after a removal."""
        return Snapshot(
            self.bits,
            tuple(part.without(ids) for part in self.stored),
            self.recent.without(ids),
        )

    def apply(self, operations: Sequence[Operation]) -> Snapshot:
        """The state after adds and removes; an add of an id that is there replaces it."""
        if not operations:
            return self
        ids = np.concatenate([operation.ids for operation in operations])
        state = self.without(ids)
        adds = [operation for operation in operations if operation.codes is not None]
        if not adds:
            return state
        segment = _last_adds(operations, ids, self.bits) if len(operations) > 1 else None
        if segment is None:
            segment = operation_segment(adds[0], self.bits)
        recent = merge([state.recent.segment, segment]) if len(state.recent.segment) else segment
        return Snapshot(self.bits, state.stored, Part(recent))


def operation_segment(operation: Operation, bits: int) -> Segment:
    """The entries of one add."""
    assert operation.codes is not None
    return Segment.sorted(operation.ids, to_words(operation.codes, bits), operation.payloads)


def _last_adds(operations: Sequence[Operation], ids: np.ndarray, bits: int) -> Segment:
    """The entries that are left of several operations: those whose last operation is an add."""
    added = np.repeat(
        [operation.codes is not None for operation in operations],
        [len(operation.ids) for operation in operations],
    )
    _, from_end = np.unique(ids[::-1], return_index=True)
    last = np.zeros(len(ids), bool)
    last[len(ids) - 1 - from_end] = True
    codes: list[np.ndarray] = []
    texts: list[str] = []
    keep: list[np.ndarray] = []
    with_texts = any(operation.payloads is not None for operation in operations)
    start = 0
    for operation in operations:
        stop = start + len(operation.ids)
        if operation.codes is not None:
            codes.append(operation.codes)
            keep.append(np.arange(start, stop))
            if with_texts:
                texts.extend(operation.payloads or [""] * len(operation.ids))
        start = stop
    rows = np.concatenate(keep)
    chosen = last[rows] & added[rows]
    return Segment.sorted(
        ids[rows[chosen]],
        to_words(np.concatenate(codes)[chosen], bits),
        [texts[row] for row in np.flatnonzero(chosen)] if with_texts else None,
    )
