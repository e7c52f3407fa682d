"""Micro-batching: rows of requests that come at the same time run through the model together.

What arrives before `start` is put together, and while one batch runs the next one gathers; nobody
waits for company that is not coming, nor for long on a slow batch of others. The first batches of
a kind also run request by request: where that gives other answers, the rows of the model depend
on each other, and such requests run alone from then on.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Executor
from typing import Any

from serving.server.batch_queue import Queue, Task, Waiting
from serving.server.batch_rules import BatchRules
from serving.server.predict import Call
from serving.server.together import run_alone

_QUEUES = 256  # that are kept when idle, for what they know of the traffic
_PROOFS = 3  # batches of a kind whose requests also run alone


class Batcher:
    """Runs tasks, several at a time where that changes nothing but the speed.

    Args:
        executor: Where models run.
        max_rows: Rows in one batch at most; a request of half as many runs on its own.
        wait: Seconds to wait at most for as many requests as came together lately.
        max_queue: Refuse requests beyond so many in one queue.
        rules: TF Serving's batching parameters, for a server that enforces them; it takes it on
            trust that rows do not depend on each other.
        parallel: Batches of a kind at once at most.
    """

    def __init__(
        self,
        executor: Executor,
        max_rows: int = 256,
        wait: float = 0.0,
        max_queue: int = 10_000,
        rules: BatchRules | None = None,
        parallel: int = 2,
    ):
        self._rules = rules
        self._parallel = parallel
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
        if queue.dependent:
            self._executor.submit(self._alone, task)
            return
        queue.add(Waiting(task, rows))
        self._fresh.append(queue)

    def start(self) -> None:
        """Runs what was added."""
        while self._fresh:
            self._fresh.popleft().start()

    def _alone(self, task: Task) -> None:
        task.finish([] if task.gone else run_alone(task.call, self._run))

    def _queue(self, kind: Any) -> Queue:
        with self._lock:
            queue = self._queues.get(kind)
            if queue is None:
                if len(self._queues) >= _QUEUES:
                    self._queues = {k: q for k, q in self._queues.items() if not q.idle}
                queue = self._queues[kind] = Queue(
                    self._executor,
                    self._run,
                    self._max_rows,
                    self._wait,
                    self._max_queue,
                    self._parallel,
                    0 if self._rules else _PROOFS,
                )
            return queue


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
