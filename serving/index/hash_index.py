"""The public index: entries of id, binary code and payload, searched by Hamming distance."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

import numpy as np

from serving.index.arguments import (
    check_count,
    check_ids,
    check_unique,
    payload,
    payload_texts,
)
from serving.index.backend import IndexBackend
from serving.index.codes import check_codes, to_codes, to_words, word_count, word_dtype
from serving.index.engine import Found, Step, search_nearest, search_within
from serving.index.filters import PayloadTest, Predicate
from serving.index.filters import among as only
from serving.index.log import Operation
from serving.index.results import Matches, Neighbors
from serving.index.segment import Segment, merge
from serving.index.snapshot import Snapshot
from serving.index.store import Store
from serving.index.weights import Weights, check_margins


class HashIndex(IndexBackend):
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
        return bool(self._store.snapshot().contains(check_ids(number))[0])

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
        progress: Callable[[float], None] | None = None,
    ) -> None:
        """Adds entries, all or none; on return they are on disk.

        Args:
            ids: int64 [n], not negative, each once.
            codes: uint8 [n, bytes], packed as `numpy.packbits` does.
            payloads: n values that JSON can hold (None: nothing), returned by `payloads`;
                a `JsonText` is kept as it is.
            replace: Whether entries with these ids may be there and are then replaced.
            progress: Called with the share that is done, 0 to 1, while many are added; from
                any thread.

        Raises:
            ValueError: If shapes, dtypes or payloads are wrong, an id comes twice, or is in
                the index without `replace`.
            IndexLockedError: If another process or object is writing.
            OSError: If the disk is full or fails; the index stays as it was.
        """
        ids = check_ids(ids)
        codes = check_codes(codes, self.bits)
        if len(ids) != len(codes):
            raise ValueError(
                f"there must be one id per code. Received: {len(ids)} ids, {len(codes)} codes"
            )
        check_unique(ids)
        texts = None if payloads is None else payload_texts(payloads, len(ids))
        if len(ids):
            self._store.write(Operation(ids, codes, texts), None if replace else False, progress)
        if progress is not None:
            progress(1.0)

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
        ids = check_ids(ids)
        check_unique(ids)
        if len(ids):
            self._store.write(Operation(ids), None if missing_ok else True)

    def compact(self, progress: Callable[[float], None] | None = None) -> None:
        """Rewrites the index as one segment: fastest to search, nothing removed left on disk.

        Args:
            progress: Called with the share that is done, 0 to 1; from any thread.
        """
        self._store.compact(progress)

    def lookup(
        self,
        codes: np.ndarray,
        *,
        among: np.ndarray | None = None,
        where: Predicate | None = None,
    ) -> Matches:
        """Entries with exactly these codes: `within` radius 0."""
        return self.within(codes, radius=0, among=among, where=where)

    def within(
        self,
        codes: np.ndarray,
        radius: int = 2,
        *,
        among: np.ndarray | None = None,
        where: Predicate | None = None,
    ) -> Matches:
        """Every entry within a Hamming radius, and no other, nearest first, ties by id.

        Args:
            codes: uint8 [queries, bytes], or [bytes] for one query.
            radius: In bits, 0 to `bits`.
            among: Only entries with one of these ids.
            where: Only entries for whose payload this is true (None where there is none).

        Raises:
            ValueError: If codes, radius or ids are wrong.
        """
        queries = to_words(check_codes(codes, self.bits), self.bits)
        radius = min(check_count("radius", radius, 0), self.bits)
        snapshot = self._snapshot(among)
        numbers, ids, distances = _gather(search_within(snapshot, queries, radius))
        offsets = np.searchsorted(numbers, np.arange(queries.shape[1] + 1))
        matches = Matches(ids, distances.astype(np.int32), offsets.astype(np.int64))
        return matches if where is None else PayloadTest(snapshot, where).filter_matches(matches)

    def search(
        self,
        codes: np.ndarray,
        k: int = 10,
        *,
        margin: np.ndarray | None = None,
        among: np.ndarray | None = None,
        where: Predicate | None = None,
    ) -> Neighbors:
        """The exact k nearest entries, ties by id.

        Args:
            codes: uint8 [queries, bytes], or [bytes] for one query.
            k: How many.
            margin: float [queries, bits] (or [bits]): how sure the query is of each bit, as
                `hash_query` answers. Then entries are ranked by the sum of the absolute
                margins of the bits in which they differ, instead of the number of such bits:
                finer, as it breaks ties by what the query is unsure of.
            among: Only entries with one of these ids.
            where: Only entries for whose payload this is true (None where there is none).

        Raises:
            ValueError: If codes, k, margin or ids are wrong.
        """
        queries, weights = self._check_search(codes, k, margin)

        def nearest(snapshot: Snapshot, k: int) -> Neighbors:
            found = search_nearest(snapshot, queries, k, weights)
            return _neighbors(found, queries.shape[1], k, margin is not None)

        snapshot = self._snapshot(among)
        if where is None:
            return nearest(snapshot, int(k))
        return PayloadTest(snapshot, where).nearest(nearest, int(k))

    def explain(
        self,
        codes: np.ndarray,
        k: int = 10,
        *,
        radius: int | None = None,
        margin: np.ndarray | None = None,
        among: np.ndarray | None = None,
    ) -> list[Step]:
        """How one query is answered: runs it and says which way was taken in each segment.

        Args:
            codes: uint8 [bytes], one query.
            k: As for `search`.
            radius: Explain `within` this radius instead.
            margin: As for `search`.
            among: As for `search`.

        Returns:
            One `Step` a segment; as text it is a line to show.
        """
        queries, weights = self._check_search(codes, k, margin)
        if queries.shape[1] != 1:
            raise ValueError(f"explain takes one code. Received: {queries.shape[1]} codes")
        steps: list[Step] = []
        if radius is None:
            search_nearest(self._snapshot(among), queries, int(k), weights, steps)
        else:
            radius = min(check_count("radius", radius, 0), self.bits)
            search_within(self._snapshot(among), queries, radius, steps)
        return steps

    def codes(self, ids: np.ndarray) -> np.ndarray:
        """Packed codes of entries, uint8 [n, bytes].

        Raises:
            ValueError: If an id is not in the index.
        """
        ids, snapshot = self._entries_of(ids)
        words = np.empty((word_count(self.bits), len(ids)), word_dtype(self.bits))
        for part in snapshot.parts:
            rows = part.rows_of(ids)
            words[:, rows >= 0] = part.segment.words[:, rows[rows >= 0]]
        return to_codes(words, self.bits)

    def payloads(self, ids: np.ndarray) -> list[Any]:
        """Payloads of entries; None where an entry has none.

        Raises:
            ValueError: If an id is not in the index.
        """
        ids, snapshot = self._entries_of(ids)
        values: list[Any] = [None] * len(ids)
        for part in snapshot.parts:
            rows = part.rows_of(ids)
            for place in np.flatnonzero(rows >= 0):
                values[place] = payload(part.segment.text(rows[place]))
        return values

    def entries(self) -> tuple[np.ndarray, np.ndarray, list[str] | None]:
        """Everything: ids int64 [n] ascending, codes uint8 [n, bytes], payloads as JSON texts.

        A text is empty where an entry has no payload; None instead of texts if none has.
        """
        parts = self._store.snapshot().parts
        whole = merge([part.living() for part in parts]) if parts else Segment.empty(self.bits)
        texts = None
        if whole.texts is not None:
            texts = [whole.text(row) for row in range(len(whole))]
        return whole.ids, to_codes(whole.words, self.bits), texts

    def info(self) -> dict[str, Any]:
        """What the index holds and takes, as numbers and names that JSON can hold."""
        return self._store.info()

    def _snapshot(self, ids: np.ndarray | None) -> Snapshot:
        snapshot = self._store.snapshot()
        return snapshot if ids is None else only(snapshot, ids)

    def _entries_of(self, ids: np.ndarray) -> tuple[np.ndarray, Snapshot]:
        ids = check_ids(ids)
        snapshot = self._store.snapshot()
        missing = ids[~snapshot.contains(ids)]
        if len(missing):
            raise ValueError(f"id {missing[0]} is not in the index ({len(missing)} of {len(ids)})")
        return ids, snapshot

    def _check_search(
        self, codes: np.ndarray, k: int, margin: np.ndarray | None
    ) -> tuple[np.ndarray, Weights | None]:
        queries = to_words(check_codes(codes, self.bits), self.bits)
        check_count("k", k, 1)
        if margin is None:
            return queries, None
        return queries, check_margins(margin, queries.shape[1], self.bits)


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
