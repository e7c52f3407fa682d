"""The durable state of an index: a directory that is right after a kill at any moment.

    manifest            which files count (segments, log), and rows removed from segments
    segment-N           entries sorted by id, checksummed, memory-mapped, never changed
    log-N               adds and removes since the manifest was written, appended and flushed
    lock                held by the one writer

Small changes are appended to the log. When the log's entries are many, or one add is large,
they become a segment (merged with segments not larger than it, so that there are few); the
manifest that names it replaces the old one in one rename, and files it does not name are
deleted. Readers map segments, so deletion does not disturb them; they notice a new manifest
or a longer log at their next search.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import filelock
import numpy as np

from serving.index.codes import check_bits
from serving.index.errors import HashIndexError, IndexDamagedError, IndexLockedError
from serving.index.files import sync_directory
from serving.index.log import LogReader, LogWriter, Operation
from serving.index.manifest import FORMAT, read_manifest, write_manifest
from serving.index.segment import Segment, merge
from serving.index.snapshot import Part, Snapshot

FLUSH_ENTRIES = 1 << 15
FLUSH_RECORDS = 1 << 14
_OURS = ("lock", "manifest", "segment-", "log-")

logger = logging.getLogger(__name__)


class Store:
    """Opens, refreshes and changes the files of an index.

    Args:
        path: The directory; created if absent.
        bits: Length of the codes; None takes that of an existing index.
        readonly: Refuse to write or to create.

    Raises:
        FileNotFoundError: If there is no index and it can't be created from these arguments.
        ValueError: If the index holds codes of another length or the path is something else.
        IndexDamagedError: If a file is not what was written.
    """

    def __init__(self, path: str | os.PathLike[str], bits: int | None, readonly: bool = False):
        self.path = Path(path)
        self.readonly = readonly
        self.bits: int
        self.generation: int
        self._manifest_name = str(self.path / "manifest")
        self._snapshot: Snapshot
        self._log: LogReader
        self._mutex = threading.RLock()
        self._lock = filelock.FileLock(self.path / "lock", timeout=0, thread_local=False)
        self._writer: LogWriter | None = None
        self._signature: tuple[int, ...] | None = None
        self._flush_entries = FLUSH_ENTRIES
        self._closed = False
        wanted = None if bits is None else check_bits(bits)
        if not (self.path / "manifest").exists():
            self._create(wanted)
        self._load()
        if wanted is not None and wanted != self.bits:
            raise ValueError(
                f"the index at {self.path} holds codes of {self.bits} bits. Received: bits={bits}"
            )

    def snapshot(self) -> Snapshot:
        """The newest state: of this object if it writes, else what is on disk now."""
        if self._writer is None:
            self._refresh()
        return self._snapshot

    def write(
        self,
        operation: Operation,
        expect: bool | None,
        progress: Callable[[float], None] | None = None,
    ) -> None:
        """Makes one operation durable, all or nothing.

        Args:
            operation: What to add or remove.
            expect: Whether the ids must all be there (True), must all be new (False), or
                don't matter (None).
            progress: Called with the share of a large add that is done.

        Raises:
            ValueError: If ids are there, or not there, against `expect`.
            IndexLockedError: If someone else is writing.
            OSError: If the disk is full or fails; the index stays as it was.
        """
        with self._mutex:
            writer = self._acquire()
            if expect is not None:
                self._check_ids(operation.ids, expect)
            after = self._snapshot.apply([operation])
            with self._unchanged_on_error():
                if operation.codes is not None and len(operation.ids) >= FLUSH_ENTRIES:
                    self._checkpoint(after, progress=progress)
                    return
                writer.append(operation)
            self._snapshot = after
            recent = len(after.recent.segment)
            if recent >= self._flush_entries or self._log.records >= FLUSH_RECORDS:
                self._flush()

    def compact(self, progress: Callable[[float], None] | None = None) -> None:
        """Merges everything into one segment, without what was removed."""
        with self._mutex:
            self._acquire()
            snapshot = self._snapshot
            removed = any(part.dead is not None for part in snapshot.stored)
            if removed or self._log.records or len(snapshot.stored) > 1:
                with self._unchanged_on_error():
                    self._checkpoint(snapshot, everything=True, progress=progress)

    def info(self) -> dict[str, Any]:
        """Names and sizes of what the index consists of."""
        snapshot = self.snapshot()
        segments = [
            {
                "name": part.segment.name,
                "entries": part.live,
                "removed": len(part.segment) - part.live,
                "tables": 0 if part.segment.tables is None else len(part.segment.tables.layout),
            }
            for part in snapshot.stored
        ]
        return {
            "path": str(self.path),
            "format": FORMAT,
            "bits": self.bits,
            "entries": len(snapshot),
            "bytes": sum(entry.stat().st_size for entry in self.path.iterdir()),
            "segments": segments,
            "log": {"records": self._log.records, "entries": snapshot.recent.live},
        }

    def close(self) -> None:
        """Gives up the lock; the state stays on disk."""
        with self._mutex:
            self._stop_writing()
            self._closed = True

    @contextlib.contextmanager
    def _unchanged_on_error(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            message = f"{error.strerror or error}; the index stays as it was"
            raise OSError(error.errno, message, str(self.path)) from error

    def _check_ids(self, ids: np.ndarray, expect: bool) -> None:
        wrong = ids[self._snapshot.contains(ids) != expect]
        if len(wrong):
            problem = "not in the index" if expect else "already in the index (see replace=True)"
            shown = ", ".join(str(number) for number in wrong[:5])
            more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
            raise ValueError(
                f"ids must be {'there' if expect else 'new'}; {problem}: {shown}{more}"
            )

    # Files

    def _create(self, bits: int | None) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise NotADirectoryError(f"{self.path} is a file; an index is a directory")
        entries = list(self.path.iterdir()) if self.path.exists() else []
        for entry in entries:
            # A kill while creating leaves an empty log at most.
            if entry.name.startswith(("segment-", "log-")) and entry.stat().st_size:
                raise IndexDamagedError(
                    f"the index at {self.path} is damaged: its manifest is missing"
                )
        if self.readonly or bits is None:
            hint = "" if self.readonly else "; give `bits` to create one"
            raise FileNotFoundError(f"there is no index at {self.path}{hint}")
        strangers = [entry.name for entry in entries if not _is_ours(entry.name)]
        if strangers:
            raise ValueError(
                f"{self.path} is neither an index nor empty: it holds {strangers[0]!r}"
            )
        self.path.mkdir(parents=True, exist_ok=True)
        with self._locked():
            if not (self.path / "manifest").exists():
                write_manifest(self.path, Snapshot(bits, (), Part(Segment.empty(bits))), 1)

    def _load(self) -> None:
        """Reads the manifest and what it names; again if a writer replaces them meanwhile."""
        while True:
            signature = self._manifest_signature()
            try:
                self._load_once(signature)
                return
            except FileNotFoundError as error:
                if self._manifest_signature() == signature:
                    raise IndexDamagedError(
                        f"the index at {self.path} is damaged: {error.filename} is missing"
                    ) from None

    def _load_once(self, signature: tuple[int, ...]) -> None:
        known = {}
        if self._signature is not None:
            known = {part.segment.name: part.segment for part in self._snapshot.stored}
        stored, log, generation = read_manifest(self.path, known)
        self._snapshot = stored.apply(log.read())
        self.bits, self.generation = stored.bits, generation
        self._log, self._signature = log, signature

    def _manifest_signature(self) -> tuple[int, ...]:
        status = os.stat(self._manifest_name)
        return status.st_ino, status.st_mtime_ns, status.st_size

    def _refresh(self) -> None:
        with self._mutex:
            if self._closed:
                raise HashIndexError(f"the index at {self.path} is closed")
            if self._writer is not None:
                return
            try:
                if self._manifest_signature() == self._signature:
                    if os.stat(self._log.name).st_size != self._log.offset:
                        self._snapshot = self._snapshot.apply(self._log.read())
                    return
            except (FileNotFoundError, IndexDamagedError):
                # A writer replaced the log, or took back a record it could not finish.
                pass
            self._load()

    # Writing

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            with self._lock:
                yield
        except filelock.Timeout:
            raise self._is_locked() from None

    def _is_locked(self) -> IndexLockedError:
        return IndexLockedError(
            f"another process or object is writing to the index at {self.path}; "
            "there is one writer at a time, until it closes the index"
        )

    def _acquire(self) -> LogWriter:
        """Becomes the writer, if not already."""
        if self._closed:
            raise HashIndexError(f"the index at {self.path} is closed")
        if self.readonly:
            raise HashIndexError(f"the index at {self.path} was opened readonly")
        if self._writer is None:
            try:
                self._lock.acquire()
            except filelock.Timeout:
                raise self._is_locked() from None
            try:
                self._refresh()
                self._writer = LogWriter(self._log)
                self._sweep()
            except BaseException:
                self._stop_writing()
                raise
        return self._writer

    def _stop_writing(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        self._lock.release(force=True)

    def _flush(self) -> None:
        """Turns the log into a segment; if that fails the log goes on."""
        try:
            self._checkpoint(self._snapshot)
            self._flush_entries = FLUSH_ENTRIES
        except OSError as error:
            self._flush_entries = 2 * len(self._snapshot.recent.segment)
            logger.warning("the log of %s grows on: %s", self.path, error)

    def _checkpoint(
        self,
        snapshot: Snapshot,
        everything: bool = False,
        progress: Callable[[float], None] | None = None,
    ) -> None:
        """Writes a state as segments and makes it the state of the index."""
        chosen, kept = _choose(snapshot, everything)
        generation = self.generation + 1
        merged = merge([part.living() for part in chosen]) if chosen else None
        path = self.path / f"segment-{generation}"
        try:
            if merged is not None and len(merged):
                merged.write(path, self.bits, progress)
                kept.append(Part(Segment.open(path, self.bits, verify=False)))
            after = Snapshot(self.bits, tuple(kept), Part(Segment.empty(self.bits)))
            write_manifest(self.path, after, generation)
        except BaseException:
            # Whatever the manifest says now is the state: read it before writing again.
            self._stop_writing()
            self._load()
            raise
        assert self._writer is not None
        self._writer.close()
        self._snapshot, self.generation = after, generation
        self._log = LogReader(self.path / f"log-{generation}", generation, -(-self.bits // 8))
        self._writer = LogWriter(self._log)
        self._signature = self._manifest_signature()
        self._sweep()

    def _sweep(self) -> None:
        """Deletes files that the manifest does not name."""
        named = {part.segment.name for part in self._snapshot.stored}
        named |= {"manifest", "lock", self._log.path.name}
        for entry in self.path.iterdir():
            if _is_ours(entry.name) and entry.name not in named:
                with contextlib.suppress(OSError):
                    entry.unlink()
        sync_directory(self.path)


def _choose(snapshot: Snapshot, everything: bool) -> tuple[list[Part], list[Part]]:
    """Which parts become one new segment, and which stay as they are.

    A segment is merged when it is not larger than what is merged already (so n entries are
    in about log2(n) segments at most, each rewritten as often), or more than half removed.
    """
    chosen = [snapshot.recent] if snapshot.recent.live else []
    kept: list[Part] = []
    size = snapshot.recent.live
    for part in sorted(snapshot.stored, key=lambda part: part.live):
        if everything or part.live <= size or 2 * part.live < len(part.segment):
            chosen.append(part)
            size += part.live
        else:
            kept.append(part)
    return chosen, kept


def _is_ours(name: str) -> bool:
    return name.startswith(_OURS)
