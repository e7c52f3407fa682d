"""Requests that can share a batch, and when which of them run."""

from __future__ import annotations

import threading
import time
from collections import deque
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from serving.server.pending import Answer
from serving.server.predict import Call
from serving.server.status import StatusError
from serving.server.together import Runner, are_alike, run_alone, run_together

_ENOUGH = 32  # rows that no longer wait for more: by then a batch costs little more than its rows
_SLOW = 0.05  # seconds after which a batch no longer holds up the next one


class Task(Protocol):
    """A request to run, as `Pending` is."""

    call: Call

    @property
    def gone(self) -> bool:
        """Whether nobody waits for it any more."""

    def finish(self, answer: Answer) -> None:
        """Takes the outputs, or what the model raised for this task, whoever shared its batch.

        Of a task that is gone, anything.
        """


class Waiting(NamedTuple):
    """A task in a queue."""

    task: Task
    rows: int


@dataclass(frozen=True)
class Sharing:
    """How requests share batches.

    Attributes:
        max_rows: Rows in one batch at most; a request of half as many runs on its own.
        wait: Seconds to wait at most for as many requests as came together lately.
        max_queue: Refuse requests beyond so many that wait.
        parallel: Batches of a kind at once at most.
        proofs: First batches of a kind whose requests also run alone, for comparison.
        run: Computes a batch.
    """

    max_rows: int = 256
    wait: float = 0.0
    max_queue: int = 10_000
    parallel: int = 2
    proofs: int = 3
    run: Runner = Call.run


class Queue:
    """Tasks that can share a batch: same version, signature, outputs, shapes of a row.

    Its batches run in the executor, one at a time unless one takes long.

    Attributes:
        dependent: The rows of these requests were seen to depend on each other.
    """

    def __init__(self, executor: Executor, sharing: Sharing):
        self.dependent = False
        self._executor = executor
        self._sharing = sharing
        self._unproved = sharing.proofs
        self._lock = threading.Lock()
        self._waiting: deque[Waiting] = deque()
        self._rows = 0
        self._running = 0
        self._started = 0.0
        self._timer: threading.Timer | None = None
        self._crowd: deque[int] = deque([1], maxlen=8)

    @property
    def idle(self) -> bool:
        """Whether nothing waits or runs."""
        return not self._running and not self._waiting

    def add(self, waiting: Waiting) -> None:
        """Queues a task; `start` must follow.

        Raises:
            StatusError: The queue is full.
        """
        with self._lock:
            if len(self._waiting) >= self._sharing.max_queue:
                self._drop_gone()
            if len(self._waiting) >= self._sharing.max_queue:
                raise StatusError(
                    "UNAVAILABLE",
                    "The batch scheduling queue to which this task was submitted is full",
                )
            self._waiting.append(waiting)
            self._rows += waiting.rows

    def start(self) -> None:
        """Runs what waits, or waits for more."""
        with self._lock:
            self._start_or_wait()

    def _start_or_wait(self) -> None:
        if not self._waiting or (self._running and not self._is_slow()):
            return
        enough = self._rows >= min(_ENOUGH, self._sharing.max_rows)
        if enough or not self._sharing.wait or len(self._waiting) >= max(self._crowd):
            self._start()
        elif self._timer is None:
            self._timer = threading.Timer(self._sharing.wait, self._wait_no_more)
            self._timer.daemon = True
            self._timer.start()

    def _is_slow(self) -> bool:
        late = time.monotonic() - self._started > _SLOW
        return late and self._running < self._sharing.parallel

    def _wait_no_more(self) -> None:
        with self._lock:
            if self._timer is threading.current_thread():
                self._start()

    def _start(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        self._running += 1
        self._started = time.monotonic()
        self._executor.submit(self._work)

    def _work(self) -> None:
        with self._lock:
            batch = self._take()
        answers = self._answers([w.task.call for w in batch], [w.rows for w in batch])
        with self._lock:
            self._crowd.append(len(batch) + len(self._waiting))
            self._running -= 1
            self._start_or_wait()  # on another thread, while this one answers
        for waiting, answer in zip(batch, answers, strict=True):
            waiting.task.finish(answer)

    def _answers(self, calls: list[Call], rows: list[int]) -> list[Answer]:
        if len(calls) == 1 or self.dependent:
            return [run_alone(call, self._sharing.run) for call in calls]
        together = run_together(calls, rows, self._sharing.run)
        if not self._unproved:
            return together
        alone = [run_alone(call, self._sharing.run) for call in calls]
        if all(map(are_alike, alone, together)):
            self._unproved -= 1
        else:
            self.dependent = True
        return alone

    def _take(self) -> list[Waiting]:
        """Takes the next batch, without those whose callers have given up meanwhile."""
        batch: list[Waiting] = []
        rows, most = 0, self._sharing.max_rows
        while self._waiting and (not batch or rows + self._waiting[0].rows <= most):
            waiting = self._waiting.popleft()
            self._rows -= waiting.rows
            if waiting.task.gone:
                waiting.task.finish([])
            else:
                batch.append(waiting)
                rows += waiting.rows
        return batch

    def _drop_gone(self) -> None:
        """Frees the places of those whose callers have given up."""
        waiting, self._waiting = self._waiting, deque()
        for one in waiting:
            if one.task.gone:
                self._rows -= one.rows
                one.task.finish([])
            else:
                self._waiting.append(one)
