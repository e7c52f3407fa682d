"""A segment: entries that never change, in the order of their ids, in memory or in a file."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from serving.index.codes import word_count, word_dtype
from serving.index.errors import IndexDamagedError
from serving.index.files import read_arrays, writing_arrays
from serving.index.parallel import in_turn
from serving.index.tables import MIN_ENTRIES, Tables


class Texts:
    """Payload texts as one run of bytes, so that a file of them can be memory-mapped.

    Args:
        data: uint8 [total], all texts in UTF-8.
        offsets: uint64 [n + 1], where each text begins and ends.
    """

    def __init__(self, data: np.ndarray, offsets: np.ndarray):
        self.data = data
        self.offsets = offsets

    @classmethod
    def of(cls, texts: Sequence[str]) -> Texts:
        """Packs texts."""
        encoded = [text.encode() for text in texts]
        offsets = np.zeros(len(encoded) + 1, np.uint64)
        np.cumsum([len(text) for text in encoded], out=offsets[1:])
        return cls(np.frombuffer(b"".join(encoded), np.uint8), offsets)

    def __getitem__(self, row: int) -> str:
        start, stop = int(self.offsets[row]), int(self.offsets[row + 1])
        return self.data[start:stop].tobytes().decode()

    def __len__(self) -> int:
        return len(self.offsets) - 1


class Segment:
    """Entries sorted by id; a row is a position in that order.

    Args:
        ids: int64 [n], ascending.
        words: Codes as words [words, n], see `serving.index.codes`.
        texts: Payloads as JSON texts, empty where an entry has none; None if no entry has one.
        tables: Hash tables over the codes; None if there are too few to need any.
        name: File name, None if only in memory.
    """

    def __init__(
        self,
        ids: np.ndarray,
        words: np.ndarray,
        texts: Texts | Sequence[str] | None = None,
        tables: Tables | None = None,
        name: str | None = None,
    ):
        self.ids = ids
        self.words = words
        self.texts = texts
        self.tables = tables
        self.name = name

    @classmethod
    def empty(cls, bits: int) -> Segment:
        """A segment without entries."""
        return cls(np.empty(0, np.int64), np.empty((word_count(bits), 0), word_dtype(bits)))

    @classmethod
    def sorted(cls, ids: np.ndarray, words: np.ndarray, texts: Sequence[str] | None) -> Segment:
        """A segment of entries in any order."""
        if np.all(ids[1:] > ids[:-1]):
            return cls(ids, words, texts)
        order = np.argsort(ids)
        texts = None if texts is None else [texts[row] for row in order]
        return cls(ids[order], np.ascontiguousarray(words[:, order]), texts)

    @classmethod
    def open(cls, path: Path, bits: int, verify: bool = True) -> Segment:
        """Maps a segment's file.

        Args:
            path: The file.
            bits: Length of the codes.
            verify: Whether to check its arrays' checksums.

        Raises:
            IndexDamagedError: If a checksum fails.
        """
        meta, arrays = read_arrays(path, verify)
        if meta.get("bits") != bits:
            raise IndexDamagedError(f"{path} holds codes of {meta.get('bits')} bits, not {bits}")
        texts = Texts(arrays["texts"], arrays["text_offsets"]) if "texts" in arrays else None
        tables = None
        if "perm" in arrays:
            tables = Tables(np.array(arrays["layout"]), arrays["offsets"], arrays["perm"])
        return cls(arrays["ids"], arrays["words"], texts, tables, path.name)

    def write(self, path: Path, bits: int, progress: Callable[[float], None] | None = None) -> None:
        """Writes the segment, with hash tables, to a file, durably, whole or not at all.

        Args:
            path: The file.
            bits: Length of the codes.
            progress: Called with the share that is done, from any thread.
        """
        arrays = {"ids": self.ids, "words": self.words}
        if self.texts is not None:
            texts = self.texts if isinstance(self.texts, Texts) else Texts.of(self.texts)
            arrays |= {"texts": texts.data, "text_offsets": texts.offsets}
        arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        tables = None
        if len(self) >= MIN_ENTRIES:
            tables = Tables.empty(len(self), bits, self.words.dtype.itemsize * 8)
            arrays |= {"layout": tables.layout, "offsets": tables.offsets, "perm": tables.perm}
        with writing_arrays(path, {"bits": bits}, arrays) as writer:

            def put(name: str) -> None:
                writer.put(name, arrays[name])
                writer.checksum(name, arrays[name])

            def fill(table: int) -> None:
                assert tables is not None
                tables.fill(table, self.words)
                writer.put("perm", tables.perm[table], at=table * tables.perm[table].nbytes)

            # Filling tables and writing take about as long: both cores have work all the time.
            late = ("perm", "offsets")
            tasks = [functools.partial(put, name) for name in arrays if name not in late]
            if tables is not None:
                tasks += [functools.partial(fill, table) for table in range(len(tables.layout))]
            in_turn(tasks, progress)
            if tables is not None:
                writer.checksum("perm", tables.perm)
                put("offsets")

    def __len__(self) -> int:
        return len(self.ids)

    def rows_of(self, ids: np.ndarray) -> np.ndarray:
        """Rows of ids, int64 [n]; -1 where an id is not in the segment."""
        if not len(self.ids) or not len(ids):
            return np.full(len(ids), -1, np.int64)
        rows = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
        return np.where(self.ids[rows] == ids, rows, -1)

    def text(self, row: int) -> str:
        """The JSON text of a row's payload, empty if there is none."""
        return "" if self.texts is None else self.texts[row]

    def take(self, rows: np.ndarray) -> Segment:
        """The segment of some rows (ascending), in memory."""
        texts = None if self.texts is None else [self.texts[row] for row in rows]
        return Segment(self.ids[rows], np.ascontiguousarray(self.words[:, rows]), texts)


def merge(segments: Sequence[Segment]) -> Segment:
    """One segment of several that share no id."""
    if len(segments) == 1:
        return segments[0]
    texts: list[str] | None = None
    if any(segment.texts is not None for segment in segments):
        texts = [segment.text(row) for segment in segments for row in range(len(segment))]
    return Segment.sorted(
        np.concatenate([segment.ids for segment in segments]),
        np.concatenate([segment.words for segment in segments], axis=1),
        texts,
    )
