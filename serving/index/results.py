"""What searches return: `Neighbors` (k per query) and `Matches` (as many as there are)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


@dataclass(frozen=True)
class Neighbors:
    """The k nearest entries of each query, nearest first, ties by id.

    Attributes:
        ids: int64 [queries, k]; -1 where there are fewer than k entries.
        distances: [queries, k]; int32 Hamming distances, or float64 asymmetric distances when
            margins were given; -1 where there is no entry.
    """

    ids: np.ndarray
    distances: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)


class Match(NamedTuple):
    """The entries that one query matched, nearest first, ties by id."""

    ids: np.ndarray
    distances: np.ndarray


@dataclass(frozen=True)
class Matches:
    """A ragged array: `matches[i]` holds the ids and distances of query i.

    Attributes:
        ids: int64 [total], all queries' entries one after the other.
        distances: int32 [total], Hamming distances.
        offsets: int64 [queries + 1]; query i owns `ids[offsets[i]:offsets[i + 1]]`.
    """

    ids: np.ndarray
    distances: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, query: int) -> Match:
        if not -len(self) <= query < len(self):
            raise IndexError(f"there are {len(self)} queries. Received: matches[{query}]")
        start, stop = self.offsets[query % len(self)], self.offsets[query % len(self) + 1]
        return Match(self.ids[start:stop], self.distances[start:stop])

    def __iter__(self) -> Iterator[Match]:
        return (self[query] for query in range(len(self)))


class Hits(NamedTuple):
    """Rows found for several queries, sorted by query, distance and row."""

    queries: np.ndarray
    rows: np.ndarray
    distances: np.ndarray

    @classmethod
    def of_keys(cls, queries: np.ndarray, keys: np.ndarray) -> Hits:
        """Hits of sorted keys, distance << 32 | row, as unsigned 64-bit numbers."""
        distances = (keys >> np.uint64(32)).view(np.int64)
        return cls(queries, (keys & np.uint64(0xFFFFFFFF)).view(np.int64), distances)

    @classmethod
    def none(cls) -> Hits:
        """No hits."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64))
