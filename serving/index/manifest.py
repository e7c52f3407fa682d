"""The manifest: the one file that says which segments and which log are the index."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from serving.index.errors import HashIndexError
from serving.index.files import read_arrays, write_arrays
from serving.index.log import LogReader
from serving.index.segment import Segment
from serving.index.snapshot import Part, Snapshot

FORMAT = 1


def write_manifest(folder: Path, snapshot: Snapshot, generation: int) -> None:
    """Makes a snapshot's stored parts, with a new and empty log, the state of an index.

    Args:
        folder: The index.
        snapshot: Its stored parts are in files already; what was removed from them is written.
        generation: One more than the last.

    Raises:
        OSError: If the disk is full or fails; the manifest is then the old one.
    """
    log = folder / f"log-{generation}"
    log.write_bytes(b"")
    meta = {
        "format": FORMAT,
        "bits": snapshot.bits,
        "generation": generation,
        "log": log.name,
        "segments": [part.segment.name for part in snapshot.stored],
    }
    dead = {
        f"dead-{number}": np.flatnonzero(part.dead).astype(np.uint32)
        for number, part in enumerate(snapshot.stored)
        if part.dead is not None
    }
    write_arrays(folder / "manifest", meta, dead)


def read_manifest(
    folder: Path, known: dict[str | None, Segment]
) -> tuple[Snapshot, LogReader, int]:
    """Reads the manifest, and opens what it names.

    Args:
        folder: The index.
        known: Segments that are open already, by name.

    Returns:
        The snapshot without what the log holds, the log, and the generation.

    Raises:
        FileNotFoundError: If a file is missing, perhaps as a writer just replaced it.
        IndexDamagedError: If a file is not what was written.
    """
    meta, arrays = read_arrays(folder / "manifest")
    if meta["format"] != FORMAT:
        raise HashIndexError(
            f"the index at {folder} has format {meta['format']}; this version reads {FORMAT}"
        )
    bits = int(meta["bits"])
    stored = []
    for number, name in enumerate(meta["segments"]):
        segment = known[name] if name in known else Segment.open(folder / name, bits)
        dead = None
        if f"dead-{number}" in arrays:
            dead = np.zeros(len(segment), bool)
            dead[arrays[f"dead-{number}"]] = True
        stored.append(Part(segment, dead))
    log = LogReader(folder / meta["log"], meta["generation"], -(-bits // 8))
    snapshot = Snapshot(bits, tuple(stored), Part(Segment.empty(bits)))
    return snapshot, log, int(meta["generation"])
