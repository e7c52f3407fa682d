"""Micro-batching: rows of requests that come at the same time run through the model together.

What arrives before `start` is put together, and while one batch runs the next one gathers; nobody
waits for company that is not coming.
"""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, NamedTuple, Protocol

import numpy as np

from serving.server.batch_rules import BatchRules, pad
from serving.server.pending import Answer
from serving.server.predict import Call
from serving.server.status import StatusError

_QUEUES = 256  # that are kept when idle, for what they know of the traffic
_ENOUGH = 32  # rows that no longer wait for more: by then a batch costs little more than its rows

Runner = Callable[[Call], list[np.ndarray]]


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


class Batcher:
    """Runs tasks, several at a time where that changes nothing but the speed.

    Args:
        executor: Where models run.
        max_rows: Rows in one batch at most; a request of half as many runs on its own.
        wait: Seconds to wait at most for as many requests as came together lately.
        max_queue: Refuse requests beyond so many in one queue.
        rules: TF Serving's batching parameters, for a server that enforces them.
    """

    def __init__(
        self,
        executor: Executor,
        max_rows: int = 256,
        wait: float = 0.0,
        max_queue: int = 10_000,
        rules: BatchRules | None = None,
    ):
        self._rules = rules
        self._run = rules.run if rules else Call.run
        self._executor = executor
        self._max_rows = max_rows
        self._wait = wait
        self._max_queue = max_queue
        self._queues: dict[Any, Queue] = {}
        self._lock = threading.Lock()
        self._fresh: deque[Queue] = deque()  # of the tasks since the last start

    def add(self, task: Task) -> None:
        """Takes a task, whose `finish` will be called some time after the next `start`.

        Raises:
            StatusError: The queue is full, or the rules refuse it.
        """
        if self._rules:
            self._rules.admit(task.call)
        kind, rows = key(
            task.call, self._rules is not None and self._rules.pad_variable_length_inputs
        )
        if kind is None or rows * 2 > self._max_rows:
            self._executor.submit(self._alone, task)
            return
        queue = self._queue(kind)
        queue.add(Waiting(task, rows))
        self._fresh.append(queue)

    def start(self) -> None:
        """Runs what was added."""
        while self._fresh:
            self._fresh.popleft().start()

    def _alone(self, task: Task) -> None:
        task.finish([] if task.gone else _run_alone(task.call, self._run))

    def _queue(self, kind: Any) -> Queue:
        with self._lock:
            queue = self._queues.get(kind)
            if queue is None:
                if len(self._queues) >= _QUEUES:
                    self._queues = {k: q for k, q in self._queues.items() if not q.idle}
                queue = self._queues[kind] = Queue(
                    self._executor, self._run, self._max_rows, self._wait, self._max_queue
                )
            return queue


class Queue:
    """Tasks that can share a batch: same version, signature, outputs, shapes of a row.

    Its batches run in the executor, one at a time.
    """

    def __init__(self, executor: Executor, run: Runner, max_rows: int, wait: float, max_queue: int):
        self._executor = executor
        self._run = run
        self._max_rows = max_rows
        self._wait = wait
        self._max_queue = max_queue
        self._lock = threading.Lock()
        self._waiting: deque[Waiting] = deque()
        self._rows = 0
        self._busy = False
        self._timer: threading.Timer | None = None
        self._crowd: deque[int] = deque([1], maxlen=8)

    @property
    def idle(self) -> bool:
        """Whether nothing waits or runs."""
        return not self._busy and not self._waiting

    def add(self, waiting: Waiting) -> None:
        """Queues a task; `start` must follow.

        Raises:
            StatusError: The queue is full.
        """
        with self._lock:
            if len(self._waiting) >= self._max_queue:
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
        if self._busy or not self._waiting:
            return
        enough = self._rows >= min(_ENOUGH, self._max_rows)
        if enough or not self._wait or len(self._waiting) >= max(self._crowd):
            self._start()
        elif self._timer is None:
            self._timer = threading.Timer(self._wait, self._wait_no_more)
            self._timer.daemon = True
            self._timer.start()

    def _wait_no_more(self) -> None:
        with self._lock:
            if self._timer is threading.current_thread():
                self._start()

    def _start(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        self._busy = True
        self._executor.submit(self._work)

    def _work(self) -> None:
        with self._lock:
            batch = self._take()
        answers = run_together([w.task.call for w in batch], [w.rows for w in batch], self._run)
        with self._lock:
            self._crowd.append(len(batch) + len(self._waiting))
            self._busy = False
            self._start_or_wait()  # on another thread, while this one answers
        for waiting, answer in zip(batch, answers, strict=True):
            waiting.task.finish(answer)

    def _take(self) -> list[Waiting]:
        """Takes the next batch, without those whose callers have given up meanwhile."""
        batch: list[Waiting] = []
        rows = 0
        while self._waiting and (not batch or rows + self._waiting[0].rows <= self._max_rows):
            waiting = self._waiting.popleft()
            self._rows -= waiting.rows
            if waiting.task.gone:
                waiting.task.finish([])
            else:
                batch.append(waiting)
                rows += waiting.rows
        return batch


def key(call: Call, pads: bool) -> tuple[Any, int]:
    """Returns what calls of one batch have in common, and the rows; None when it can't share."""
    signature = call.servable.prepared[call.signature]
    if not signature.by_rows or not signature.rows_of.issuperset(call.outputs):
        return None, 0
    shapes = [array.shape for array in call.feeds.values()]
    if not shapes or not all(shapes):
        return None, 0
    rows = shapes[0][0]
    if rows < 1 or any(shape[0] != rows for shape in shapes):
        return None, 0
    alike = tuple([len(shape) if pads else shape[1:] for shape in shapes])
    return (id(call.servable), call.signature, call.outputs, alike), rows


def run_together(calls: list[Call], rows: list[int], run: Runner) -> list[Answer]:
    """Runs calls as one batch, or one by one where that fails: each gets its own answer.

    Args:
        calls: Calls of the same key.
        rows: The rows of each.
        run: Computes one call.
    """
    if len(calls) > 1:
        first = calls[0]
        total = sum(rows)
        try:
            feeds = {
                alias: np.concatenate(pad([call.feeds[alias] for call in calls]))
                for alias in first.feeds
            }
            arrays = run(Call(first.servable, first.signature, feeds, first.outputs))
        except Exception:
            arrays = []  # one of them is at fault: each runs alone and gets its own answer
        if arrays and all(array.ndim and len(array) == total for array in arrays):
            ends = itertools.accumulate(rows)
            parts = [slice(end - n, end) for end, n in zip(ends, rows, strict=True)]
            return [[array[part] for array in arrays] for part in parts]
    return [_run_alone(call, run) for call in calls]


def _run_alone(call: Call, run: Runner) -> Answer:
    try:
        return run(call)
    except Exception as error:
        return error
