"""What can go wrong with an index beyond bad arguments (`ValueError`) and the disk (`OSError`)."""

from __future__ import annotations


class HashIndexError(RuntimeError):
    """The index could not do what was asked; the message says why, in one line."""


class IndexDamagedError(HashIndexError):
    """A file of the index is not what was written: the index does not answer from it."""


class IndexLockedError(HashIndexError):
    """Another process or object is writing to the index: there is one writer at a time."""
