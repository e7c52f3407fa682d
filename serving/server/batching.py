"""Micro-batching: rows of requests that come at the same time run through the model together.

While one batch runs, the next one gathers; nobody waits for company that is not coming. Only
where several were in flight together lately does a batch of few rows wait, at most `wait` seconds,
for as many.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, NamedTuple

import numpy as np

from serving.server.batch_rules import BatchRules, pad
from serving.server.predict import Call
from serving.server.status import StatusError

_QUEUES = 256  # that are kept when idle, for what they know of the traffic
_ENOUGH = 32  # rows that no longer wait for more: by then a batch costs little more than its rows
_QUICK = 0.001  # seconds: less than going to another thread and back may cost

Answer = list[np.ndarray] | BaseException
Runner = Callable[[Call], list[np.ndarray]]


class Waiting(NamedTuple):
    """A request in the queue."""

    call: Call
    rows: int
    done: asyncio.Future[list[np.ndarray]]


class Batcher:
    """Runs calls, several at a time where that changes nothing but the speed.

    Args:
        executor: Where models run, unless they are quick and one client calls at a time.
        max_rows: Rows in one batch at most; a request of half as many runs on its own.
        wait: Seconds to wait for company at most.
        max_queue: Refuse requests beyond so many in one queue.
        rules: TF Serving's batching parameters, for a server that enforces them.
    """

    def __init__(
        self,
        executor: Executor,
        max_rows: int = 256,
        wait: float = 0.001,
        max_queue: int = 10_000,
        rules: BatchRules | None = None,
    ):
        self._rules = rules
        self._executor = executor
        self._max_rows = max_rows
        self._wait = wait
        self._max_queue = max_queue
        self._queues: dict[Any, Queue] = {}

    async def run(self, call: Call) -> list[np.ndarray]:
        """Computes a call's outputs.

        Raises:
            StatusError: The queue is full.
            Exception: What the model raised for this call, whoever shared its batch.
        """
        if self._rules:
            self._rules.admit(call)
        kind, rows = key(call, self._rules is not None and self._rules.pad_variable_length_inputs)
        if kind is None or rows * 2 > self._max_rows:
            alone = _runner(self._rules)
            return await asyncio.get_running_loop().run_in_executor(self._executor, alone, call)
        queue = self._queues.get(kind)
        if queue is None:
            if len(self._queues) >= _QUEUES:
                self._queues = {k: q for k, q in self._queues.items() if not q.idle}
            queue = self._queues[kind] = Queue(
                self._executor, _runner(self._rules), self._max_rows, self._wait
            )
        if len(queue.waiting) >= self._max_queue:
            raise StatusError(
                "UNAVAILABLE",
                "The batch scheduling queue to which this task was submitted is full",
            )
        return await queue.add(call, rows)


class Queue:
    """Requests that can share a batch: same version, signature, outputs, shapes of a row.

    Lives on the event loop; batches run one at a time: in the executor, or on the loop itself
    where one client calls at a time and is answered sooner than another thread could.
    """

    def __init__(self, executor: Executor, run: Runner, max_rows: int, wait: float):
        self.waiting: deque[Waiting] = deque()
        self._loop = asyncio.get_running_loop()
        self._executor = executor
        self._run = run
        self._max_rows = max_rows
        self._wait = wait
        self._busy = False
        self._rows = 0
        self._timer: asyncio.TimerHandle | None = None
        self._expected = 1
        self._crowd: deque[int] = deque([1], maxlen=8)
        self._seconds_a_row: deque[float] = deque([math.inf] * 8, maxlen=8)

    @property
    def idle(self) -> bool:
        """Whether nothing waits or runs."""
        return not self._busy and not self.waiting

    def add(self, call: Call, rows: int) -> asyncio.Future[list[np.ndarray]]:
        """Queues a call; the future gets its outputs."""
        done: asyncio.Future[list[np.ndarray]] = self._loop.create_future()
        self.waiting.append(Waiting(call, rows, done))
        self._rows += rows
        if not self._busy:
            self._start_or_wait()
        return done

    def _start_or_wait(self) -> None:
        if len(self.waiting) >= self._expected or self._rows >= min(_ENOUGH, self._max_rows):
            self._start()
        elif self._timer is None:
            self._timer = self._loop.call_later(self._wait, self._start)

    def _start(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        batch = self._take()
        if not batch:
            return
        seconds = max(self._seconds_a_row) * sum(item.rows for item in batch)
        if self._expected == 1 and seconds < _QUICK:
            self._finish(batch, self._answers(batch))
            return
        self._busy = True
        try:
            self._executor.submit(self._work, batch)
        except RuntimeError:  # the server stops
            self._finish(batch, [StatusError("UNAVAILABLE", "server is stopping")] * len(batch))

    def _work(self, batch: list[Waiting]) -> None:
        """Runs a batch, on a thread of the executor."""
        answers = self._answers(batch)
        self._loop.call_soon_threadsafe(self._finish, batch, answers)

    def _answers(self, batch: list[Waiting]) -> list[Answer]:
        answers: list[Answer]
        rows = [item.rows for item in batch]
        began = time.perf_counter()
        try:
            answers = run_together([item.call for item in batch], rows, self._run)
        except BaseException as error:
            failed = StatusError("INTERNAL", f"batching failed: {error}")
            answers = [failed] * len(batch)
        self._seconds_a_row.append((time.perf_counter() - began) / sum(rows))
        return answers

    def _finish(self, batch: list[Waiting], answers: list[Answer]) -> None:
        self._crowd.append(len(batch) + len(self.waiting))
        self._expected = max(self._crowd)
        self._busy = False
        for item, answer in zip(batch, answers, strict=True):
            if item.done.done():  # its client went away
                continue
            if isinstance(answer, BaseException):
                item.done.set_exception(answer)
            else:
                item.done.set_result(answer)
        if self.waiting:
            self._start_or_wait()

    def _take(self) -> list[Waiting]:
        """Takes the next batch, without those whose callers have given up meanwhile."""
        batch: list[Waiting] = []
        rows = 0
        while self.waiting and (not batch or rows + self.waiting[0].rows <= self._max_rows):
            item = self.waiting.popleft()
            self._rows -= item.rows
            if not item.done.done():
                batch.append(item)
                rows += item.rows
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


def _runner(rules: BatchRules | None) -> Runner:
    return rules.run if rules else Call.run


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
