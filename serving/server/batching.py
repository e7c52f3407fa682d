"""Micro-batching: rows of requests that come at the same time run through the model together.

While one batch runs, the next one gathers; nobody waits for company that is not coming. Only
where several were in flight together lately does a batch wait, at most `wait` seconds, for as many.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from serving.server.batch_rules import BatchRules
from serving.server.predict import Call
from serving.server.status import StatusError

_TURNS = 4  # of the event loop; a request takes up to three to get from the socket to the queue


class Waiting(NamedTuple):
    """A request in the queue."""

    call: Call
    rows: int
    done: asyncio.Future[list[np.ndarray]]


class Batcher:
    """Runs calls, several at a time where that changes nothing but the speed.

    Args:
        executor: Where models run; never on the event loop.
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
        key, rows = _key(call)
        if key is None or rows * 2 > self._max_rows:
            alone = _runner(self._rules)
            return await asyncio.get_running_loop().run_in_executor(self._executor, alone, call)
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = Queue(self._run_batch, self._max_rows, self._wait)
        if len(queue.waiting) >= self._max_queue:
            raise StatusError(
                "UNAVAILABLE",
                "The batch scheduling queue to which this task was submitted is full",
            )
        try:
            return await queue.add(call, rows)
        finally:
            if queue.idle and self._queues.get(key) is queue:
                del self._queues[key]

    async def _run_batch(self, batch: list[Waiting]) -> list[list[np.ndarray] | BaseException]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._executor, _run_together, batch, _runner(self._rules)
        )


class Queue:
    """Requests that can share a batch: same version, signature, outputs, shapes of a row."""

    def __init__(
        self,
        run: Callable[[list[Waiting]], Awaitable[list[list[np.ndarray] | BaseException]]],
        max_rows: int,
        wait: float,
    ):
        self.waiting: deque[Waiting] = deque()
        self._run = run
        self._max_rows = max_rows
        self._wait = wait
        self._task: asyncio.Task[None] | None = None
        self._expected = 1
        self._crowd: deque[int] = deque([1], maxlen=8)
        self._full: asyncio.Future[None] | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing waits or runs."""
        return self._task is None and not self.waiting

    async def add(self, call: Call, rows: int) -> list[np.ndarray]:
        """Queues a call and waits for its outputs."""
        done: asyncio.Future[list[np.ndarray]] = asyncio.get_running_loop().create_future()
        self.waiting.append(Waiting(call, rows, done))
        if self._full and len(self.waiting) >= self._expected and not self._full.done():
            self._full.set_result(None)
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        return await done

    async def _work(self) -> None:
        batch: list[Waiting] = []
        try:
            while self.waiting:
                await self._gather()
                batch = self._take()
                if not batch:
                    continue
                answers = await self._run(batch)
                self._crowd.append(len(batch) + len(self.waiting))
                self._expected = max(self._crowd)
                for item, answer in zip(batch, answers, strict=True):
                    if item.done.done():  # its client went away
                        continue
                    if isinstance(answer, BaseException):
                        item.done.set_exception(answer)
                    else:
                        item.done.set_result(answer)
        except BaseException as error:
            for item in (*batch, *self.waiting):
                if not item.done.done():
                    item.done.set_exception(StatusError("INTERNAL", f"batching failed: {error}"))
            self.waiting.clear()
            raise
        finally:
            self._task = None

    async def _gather(self) -> None:
        """Lets requests in that have arrived already, and waits for those that seem to come.

        Where requests were in flight together lately, it waits for as many or until the time is
        up; otherwise only until the event loop has nothing new to bring.
        """
        clock = asyncio.get_running_loop().time
        until = clock() + self._wait
        idle = 0
        while idle < _TURNS and len(self.waiting) < self._max_rows and clock() < until:
            before = len(self.waiting)
            await asyncio.sleep(0)
            idle = 0 if len(self.waiting) > before else idle + 1
        if len(self.waiting) < self._expected and clock() < until:
            self._full = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._full], timeout=until - clock())
            self._full = None

    def _take(self) -> list[Waiting]:
        batch: list[Waiting] = []
        rows = 0
        while self.waiting and (not batch or rows + self.waiting[0].rows <= self._max_rows):
            item = self.waiting.popleft()
            if not item.done.done():
                batch.append(item)
                rows += item.rows
        return batch


def _key(call: Call) -> tuple[Any, int]:
    """Returns what calls of one batch have in common, and the rows; None when it can't share."""
    definition = call.servable.signatures[call.signature]
    infos = [definition.inputs[alias] for alias in call.feeds]
    infos += [definition.outputs[alias] for alias in call.outputs]
    if not infos or not all(_has_rows(info) for info in infos):
        return None, 0
    arrays = sorted(call.feeds.items())
    rows = {array.shape[0] if array.ndim else -1 for _, array in arrays}
    if len(rows) != 1 or min(rows) < 1:
        return None, 0
    shapes = tuple((alias, array.dtype.str, array.shape[1:]) for alias, array in arrays)
    return (id(call.servable), call.signature, call.outputs, shapes), rows.pop()


def _has_rows(info: Any) -> bool:
    shape = info.tensor_shape
    return not shape.unknown_rank and bool(shape.dim) and shape.dim[0].size == -1


Runner = Callable[[Call], list[np.ndarray]]


def _runner(rules: BatchRules | None) -> Runner:
    return rules.run if rules else Call.run


def _run_together(batch: list[Waiting], run: Runner) -> list[list[np.ndarray] | BaseException]:
    calls = [item.call for item in batch]
    if len(calls) > 1:
        first = calls[0]
        feeds = {
            alias: np.concatenate([call.feeds[alias] for call in calls]) for alias in first.feeds
        }
        total = sum(item.rows for item in batch)
        try:
            arrays = run(replace(first, feeds=feeds))
        except Exception:
            arrays = []  # one of them is at fault: each runs alone and gets its own answer
        if arrays and all(array.ndim and len(array) == total for array in arrays):
            ends = np.cumsum([item.rows for item in batch])[:-1]
            pieces = [np.split(array, ends) for array in arrays]
            return [list(piece) for piece in zip(*pieces, strict=True)]
    return [_run_alone(call, run) for call in calls]


def _run_alone(call: Call, run: Runner) -> list[np.ndarray] | BaseException:
    try:
        return run(call)
    except Exception as error:
        return error
