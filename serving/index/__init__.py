"""The hash table over codes: same bucket, flipped bits, exact nearest entries; durable."""

from serving.index.errors import HashIndexError, IndexDamagedError, IndexLockedError
from serving.index.hash_index import HashIndex
from serving.index.results import Match, Matches, Neighbors

__all__ = [
    "HashIndex",
    "HashIndexError",
    "IndexDamagedError",
    "IndexLockedError",
    "Match",
    "Matches",
    "Neighbors",
]
