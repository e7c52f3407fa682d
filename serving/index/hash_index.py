"""The public index: entries of id, binary code and payload, searched by Hamming distance."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import numpy as np

from serving.index.codes import check_codes, to_codes, to_words
from serving.index.engine import Found, Step, search_nearest, search_within
from serving.index.log import Operation
from serving.index.results import Matches, Neighbors
from serving.index.snapshot import Snapshot
from serving.index.store import Store
from serving.index.weights import Weights, check_margins


class HashIndex:
    """A durable hash table over binary codes, exact, embedded: a directory and nothing to run.

    Any number of threads and processes may search while one adds; each search sees one state.
    The first `add` or `remove` makes this object the index's one writer, until `close`.

    Example:
        >>> with HashIndex.open("codes.index", bits=64) as index:
        ...     index.add(numpy.arange(1000), codes)
        ...     index.search(codes[0], k=10).ids
    """

    def __init__(self, store: Store):
        self._store = store

    @classmethod
    def open(
        cls, path: str | os.PathLike[str], bits: int | None = None, *, readonly: bool = False
    ) -> HashIndex:
        """Opens an index, or creates it.

        Args:
            path: A directory.
            bits: Length of the codes, 8 to 512; may be left out if the index exists.
            readonly: Never write, not even to create the index.

        Raises:
            FileNotFoundError: If there is no index and `bits` is missing or `readonly` set.
            ValueError: If the index holds codes of another length, or `path` is another thing.
            IndexDamagedError: If a file of the index fails its checksum.
        """
        return cls(Store(path, bits, readonly))

    @property
    def bits(self) -> int:
        """Length of the codes."""
        return self._store.bits

    def __len__(self) -> int:
        return len(self._store.snapshot())

    def __contains__(self, number: int) -> bool:
        return bool(self._store.snapshot().contains(_check_ids(number))[0])

    def __enter__(self) -> HashIndex:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the index; another object may then write to it."""
        self._store.close()

    def add(
        self,
        ids: np.ndarray,
        codes: np.ndarray,
        payloads: Sequence[Any] | None = None,
        *,
        replace: bool = False,
    ) -> None:
        """Adds entries, all or none; on return they are on disk.

        Args:
            ids: int64 [n], not negative, each once.
            codes: uint8 [n, bytes], packed as `numpy.packbits` does.
            payloads: n values that JSON can hold (None: nothing), returned by `payloads`.
            replace: Whether entries with these ids may be there and are then replaced.

        Raises:
            ValueError: If shapes, dtypes or payloads are wrong, an id comes twice, or is in
                the index without `replace`.
            IndexLockedError: If another process or object is writing.
            OSError: If the disk is full or fails; the index stays as it was.
        """
        ids = _check_ids(ids)
        codes = check_codes(codes, self.bits)
        if len(ids) != len(codes):
            raise ValueError(
                f"there must be one id per code. Received: {len(ids)} ids, {len(codes)} codes"
            )
        _check_unique(ids)
        texts = None if payloads is None else _payload_texts(payloads, len(ids))
        if len(ids):
            self._store.write(Operation(ids, codes, texts), None if replace else False)

    def remove(self, ids: np.ndarray, *, missing_ok: bool = False) -> None:
        """Removes entries, all or none; on return that is on disk.

        Args:
            ids: int64 [n], each once.
            missing_ok: Whether ids that are not in the index are passed over.

        Raises:
            ValueError: If an id is not in the index, or comes twice.
            IndexLockedError: If another process or object is writing.
            OSError: If the disk is full or fails; the index stays as it was.
        """
        ids = _check_ids(ids)
        _check_unique(ids)
        if len(ids):
            self._store.write(Operation(ids), None if missing_ok else True)

    def compact(self) -> None:
        """Rewrites the index as one segment: fastest to search, nothing removed left on disk."""
        self._store.compact()

    def lookup(self, codes: np.ndarray) -> Matches:
        """Entries with exactly these codes: `within` radius 0."""
        return self.within(codes, radius=0)

    def within(self, codes: np.ndarray, radius: int = 2) -> Matches:
        """Every entry within a Hamming radius, and no other, nearest first, ties by id.

        Args:
            codes: uint8 [queries, bytes], or [bytes] for one query.
            radius: In bits, 0 to `bits`.

        Raises:
            ValueError: If codes or radius are wrong.
        """
        queries = to_words(check_codes(codes, self.bits), self.bits)
        found = search_within(self._store.snapshot(), queries, self._check_radius(radius))
        numbers, ids, distances = _gather(found)
        offsets = np.searchsorted(numbers, np.arange(queries.shape[1] + 1))
        return Matches(ids, distances.astype(np.int32), offsets.astype(np.int64))

    def search(
        self, codes: np.ndarray, k: int = 10, *, margin: np.ndarray | None = None
    ) -> Neighbors:
        """The exact k nearest entries, ties by id.

        Args:
            codes: uint8 [queries, bytes], or [bytes] for one query.
            k: How many.
            margin: float [queries, bits] (or [bits]): how sure the query is of each bit, as
                `hash_query` answers. Then entries are ranked by the sum of the absolute
                margins of the bits in which they differ, instead of the number of such bits:
                finer, as it breaks ties by what the query is unsure of.

        Raises:
            ValueError: If codes, k or margin are wrong.
        """
        queries, weights = self._check_search(codes, k, margin)
        found = search_nearest(self._store.snapshot(), queries, int(k), weights)
        return _neighbors(found, queries.shape[1], int(k), margin is not None)

    def explain(
        self,
        codes: np.ndarray,
        k: int = 10,
        *,
        radius: int | None = None,
        margin: np.ndarray | None = None,
    ) -> list[Step]:
        """How one query is answered: runs it and says which way was taken in each segment.

        Args:
            codes: uint8 [bytes], one query.
            k: As for `search`.
            radius: Explain `within` this radius instead.
            margin: As for `search`.

        Returns:
            One `Step` a segment; as text it is a line to show.
        """
        queries, weights = self._check_search(codes, k, margin)
        if queries.shape[1] != 1:
            raise ValueError(f"explain takes one code. Received: {queries.shape[1]} codes")
        steps: list[Step] = []
        if radius is None:
            search_nearest(self._store.snapshot(), queries, int(k), weights, steps)
        else:
            search_within(self._store.snapshot(), queries, self._check_radius(radius), steps)
        return steps

    def _check_search(
        self, codes: np.ndarray, k: int, margin: np.ndarray | None
    ) -> tuple[np.ndarray, Weights | None]:
        queries = to_words(check_codes(codes, self.bits), self.bits)
        if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
            raise ValueError(f"`k` must be a whole number, 1 or more. Received: k={k!r}")
        if margin is None:
            return queries, None
        return queries, check_margins(margin, queries.shape[1], self.bits)

    def _check_radius(self, radius: int) -> int:
        if isinstance(radius, bool) or not isinstance(radius, (int, np.integer)) or radius < 0:
            raise ValueError(f"`radius` must be a whole number, 0 or more. Received: {radius!r}")
        return min(int(radius), self.bits)

    def codes(self, ids: np.ndarray) -> np.ndarray:
        """Packed codes of entries, uint8 [n, bytes].

        Raises:
            ValueError: If an id is not in the index.
        """
        ids = _check_ids(ids)
        snapshot = self._store.snapshot()
        _require(snapshot, ids)
        words = np.empty((len(snapshot.recent.segment.words), len(ids)), np.uint64)
        for part in snapshot.parts:
            rows = part.rows_of(ids)
            words[:, rows >= 0] = part.segment.words[:, rows[rows >= 0]]
        return to_codes(words.astype(snapshot.recent.segment.words.dtype), self.bits)

    def payloads(self, ids: np.ndarray) -> list[Any]:
        """Payloads of entries; None where an entry has none.

        Raises:
            ValueError: If an id is not in the index.
        """
        ids = _check_ids(ids)
        snapshot = self._store.snapshot()
        _require(snapshot, ids)
        values: list[Any] = [None] * len(ids)
        for part in snapshot.parts:
            rows = part.rows_of(ids)
            for place in np.flatnonzero(rows >= 0):
                text = part.segment.text(rows[place])
                values[place] = json.loads(text) if text else None
        return values


def _gather(found: Found) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hits of several parts as (queries, ids, distances), sorted by query, distance, id."""
    if not found:
        nothing = np.empty(0, np.int64)
        return nothing, nothing, nothing
    if len(found) == 1:
        part, hits = found[0]
        return hits.queries, part.segment.ids[hits.rows], hits.distances
    numbers = np.concatenate([hits.queries for _, hits in found])
    ids = np.concatenate([part.segment.ids[hits.rows] for part, hits in found])
    distances = np.concatenate([hits.distances for _, hits in found])
    order = np.lexsort((ids, distances, numbers))
    return numbers[order], ids[order], distances[order]


def _neighbors(found: Found, count: int, k: int, weighted: bool) -> Neighbors:
    numbers, ids, distances = _gather(found)
    place = np.arange(len(numbers)) - np.searchsorted(numbers, numbers)
    keep = place < k
    result = Neighbors(
        np.full((count, k), -1, np.int64),
        np.full((count, k), -1, np.float64 if weighted else np.int32),
    )
    result.ids[numbers[keep], place[keep]] = ids[keep]
    result.distances[numbers[keep], place[keep]] = distances[keep]
    return result


def _require(snapshot: Snapshot, ids: np.ndarray) -> None:
    missing = ids[~snapshot.contains(ids)]
    if len(missing):
        raise ValueError(f"id {missing[0]} is not in the index ({len(missing)} of {len(ids)})")


def _check_ids(ids: Any) -> np.ndarray:
    ids = np.atleast_1d(np.asarray(ids))
    if ids.ndim != 1:
        raise ValueError(f"ids must have shape [n]. Received: shape={ids.shape}")
    if not len(ids):
        return np.empty(0, np.int64)
    if ids.dtype.kind not in "iu":
        raise ValueError(f"ids must be whole numbers. Received: dtype={ids.dtype}")
    if ids.min() < 0 or ids.max() > np.iinfo(np.int64).max:
        raise ValueError(f"ids must be from 0 to 2**63 - 1. Received: {ids.min()} to {ids.max()}")
    return ids.astype(np.int64)


def _check_unique(ids: np.ndarray) -> None:
    ordered = np.sort(ids)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    if len(twice):
        raise ValueError(f"each id must come once. Received: id {twice[0]} more than once")


def _payload_texts(payloads: Sequence[Any], count: int) -> list[str]:
    if isinstance(payloads, (str, bytes)) or len(payloads) != count:
        raise ValueError(
            f"there must be one payload per id. Received: {len(payloads)} payloads, {count} ids"
        )
    try:
        return ["" if value is None else json.dumps(value, allow_nan=False) for value in payloads]
    except (TypeError, ValueError) as error:
        raise ValueError(f"payloads must be what JSON can hold: {error}") from None
