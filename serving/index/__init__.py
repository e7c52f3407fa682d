"""The hash table over codes: same bucket, flipped bits, exact nearest entries; durable."""

from serving.index.arguments import JsonText
from serving.index.backend import IndexBackend
from serving.index.engine import Step
from serving.index.errors import HashIndexError, IndexDamagedError, IndexLockedError
from serving.index.hash_index import HashIndex
from serving.index.results import Match, Matches, Neighbors
from serving.index.transfer import export_file, file_bits, import_file

__all__ = [
    "HashIndex",
    "HashIndexError",
    "IndexBackend",
    "IndexDamagedError",
    "IndexLockedError",
    "JsonText",
    "Match",
    "Matches",
    "Neighbors",
    "Step",
    "export_file",
    "file_bits",
    "import_file",
]
