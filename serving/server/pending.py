"""A Predict request between its arrival and its answer."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from serving.server.metrics import Timed
from serving.server.predict import Call, respond
from serving.server.servable import Servable
from serving.server.status import StatusError

Answer = list[np.ndarray] | Exception


class Caller(Protocol):
    """Who waits for an answer; it may come from any thread.

    Attributes:
        data: The request.
        gone: No longer waits.
    """

    data: bytes
    gone: bool

    def reply(self, data: bytes) -> None:
        """Takes the response."""

    def fail(self, error: Exception) -> None:
        """Takes an error instead."""


class Pending:
    """A request that keeps its version in memory until `finish`, which must come once.

    Args:
        caller: Who waits.
        timed: Its time, counted when it ends.
        content: Answer in `tensor_content`.
    """

    __slots__ = ("_caller", "_content", "_timed", "call", "servable")

    def __init__(self, caller: Caller, timed: Timed, content: bool):
        self.servable: Servable | None = None
        self.call: Call
        self._caller = caller
        self._timed = timed
        self._content = content

    @property
    def gone(self) -> bool:
        """Whether nobody waits any more."""
        return self._caller.gone

    def finish(self, answer: Answer) -> None:
        """Answers with the outputs, or with an error."""
        error: Exception | None = None
        try:
            if self._caller.gone:
                raise StatusError("CANCELLED", "nobody waits for the answer")
            if isinstance(answer, Exception):
                raise answer
            data = respond(self.call, answer, self._content).SerializeToString()
        except Exception as failed:
            error = failed
        if self.servable:
            self.servable.release()
        self._timed.end(error)
        if error is None:
            self._caller.reply(data)
        else:
            self._caller.fail(error)
