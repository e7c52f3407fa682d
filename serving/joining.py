"""From a stream of answers to pieces back to the batches that were cut, in order."""

from __future__ import annotations

import collections
import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from serving import requests
from serving.signatures import Signature

Piece = tuple[Signature, dict[str, np.ndarray]]
"""What one request of a stream holds."""


class Joiner:
    """Knows how many pieces each batch was cut into.

    Args:
        method: What the batches are for; see `serving.requests.select`.
    """

    def __init__(self, method: str):
        self._method = method
        self._expected: collections.deque[tuple[Signature, int]] = collections.deque()
        self._answers: list[dict[str, np.ndarray]] = []
        self._error: Exception | None = None

    @contextlib.contextmanager
    def last_error(self) -> Iterator[None]:
        """Keeps an error of the source until what came before it is answered."""
        try:
            yield
        except Exception as error:
            self._error = error

    def expect(self, signature: Signature, pieces: int) -> None:
        """Tells of the next batch, which may have no rows and so no pieces."""
        self._expected.append((signature, pieces))

    def add(self, answer: dict[str, np.ndarray]) -> Iterator[Any]:
        """Takes the next answer; yields the batches that are complete."""
        yield from self._empty()
        self._answers.append(answer)
        if len(self._answers) == self._expected[0][1]:
            self._expected.popleft()
            answers, self._answers = self._answers, []
            yield requests.select(self._method, requests.join(answers))

    def finish(self) -> Iterator[Any]:
        """Yields what is left, and raises the error of the source."""
        yield from self._empty()
        if self._error is not None:
            raise self._error

    def _empty(self) -> Iterator[Any]:
        while self._expected and self._expected[0][1] == 0:
            signature, _ = self._expected.popleft()
            yield requests.select(self._method, requests.no_rows(signature))
