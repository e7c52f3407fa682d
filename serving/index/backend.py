"""The interface of an index, whatever holds the entries: callers use nothing else.

`HashIndex` is the embedded backend. Another one, on an existing distributed engine say, has
these methods with this meaning, and passes `tests/serving/index/test_backends.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from serving.index.results import Matches, Neighbors


class IndexBackend(Protocol):
    """Entries of id, binary code and payload; see `HashIndex` for arguments and errors."""

    @property
    def bits(self) -> int:
        """Length of the codes."""

    def __len__(self) -> int:
        """Number of entries."""

    def __contains__(self, number: int) -> bool:
        """Whether an id is there."""

    def add(
        self,
        ids: np.ndarray,
        codes: np.ndarray,
        payloads: Sequence[Any] | None = None,
        *,
        replace: bool = False,
    ) -> None:
        """Adds entries, durably, all or none."""

    def remove(self, ids: np.ndarray, *, missing_ok: bool = False) -> None:
        """Removes entries, durably, all or none."""

    def lookup(
        self,
        codes: np.ndarray,
        *,
        among: np.ndarray | None = None,
        where: Callable[[Any], bool] | None = None,
    ) -> Matches:
        """Entries with exactly these codes."""

    def within(
        self,
        codes: np.ndarray,
        radius: int = 2,
        *,
        among: np.ndarray | None = None,
        where: Callable[[Any], bool] | None = None,
    ) -> Matches:
        """Every entry within a Hamming radius, nearest first, ties by id."""

    def search(
        self,
        codes: np.ndarray,
        k: int = 10,
        *,
        margin: np.ndarray | None = None,
        among: np.ndarray | None = None,
        where: Callable[[Any], bool] | None = None,
    ) -> Neighbors:
        """The exact k nearest entries, ties by id."""

    def codes(self, ids: np.ndarray) -> np.ndarray:
        """Packed codes of entries."""

    def payloads(self, ids: np.ndarray) -> list[Any]:
        """Payloads of entries, None where there is none."""

    def close(self) -> None:
        """Closes the index; what was added stays."""
