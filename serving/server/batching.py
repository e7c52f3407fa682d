"""Micro-batching: rows of requests that come at the same time run through the model together.

What arrives before `start` is put together, and while one batch runs the next one gathers; nobody
waits for company that is not coming, nor for long on a slow batch of others. The first batches of
a kind also run request by request: where that gives other answers, the rows of the model depend
on each other, and such requests run alone from then on.
"""

from __future__ import annotations

import functools
import threading
from collections import deque
from concurrent.futures import Executor
from typing import Any

from serving.server.batch_queue import Queue, Sharing, Task, Waiting
from serving.server.batch_rules import BatchRules
from serving.server.predict import Call
from serving.server.together import Runner, run_alone

_QUEUES = 256  # that are kept when idle, for what they know of the traffic


class Batcher:
    """Runs tasks, several at a time where that changes nothing but the speed.

    Args:
        executor: Where models run.
        sharing: How requests for versions without batching rules of their own share batches;
            None for not at all.
    """

    def __init__(self, executor: Executor, sharing: Sharing | None):
        self._executor = executor
        self._sharing = sharing
        self._queues: dict[Any, Queue] = {}
        self._lock = threading.Lock()
        self._fresh: deque[Queue] = deque()  # of the tasks since the last start

    def add(self, task: Task) -> None:
        """Takes a task, whose `finish` will be called some time after the next `start`.

        Raises:
            StatusError: The queue is full, or the rules refuse it.
        """
        rules = task.call.servable.rules
        if rules:
            rules.admit(task.call)
        sharing = _sharing(rules) if rules else self._sharing
        kind, rows = key(task.call, rules is not None and rules.pad_variable_length_inputs)
        queue = None
        if sharing and kind is not None and rows * 2 <= sharing.max_rows:
            queue = self._queue(kind, sharing)
        if queue is None or queue.dependent:
            self._executor.submit(_run_alone, task, sharing.run if sharing else Call.run)
            return
        queue.add(Waiting(task, rows))
        self._fresh.append(queue)

    def start(self) -> None:
        """Runs what was added."""
        while self._fresh:
            self._fresh.popleft().start()

    def _queue(self, kind: Any, sharing: Sharing) -> Queue:
        with self._lock:
            queue = self._queues.get(kind)
            if queue is None:
                if len(self._queues) >= _QUEUES:
                    self._queues = {k: q for k, q in self._queues.items() if not q.idle}
                queue = self._queues[kind] = Queue(self._executor, sharing)
            return queue


@functools.lru_cache(_QUEUES)
def _sharing(rules: BatchRules) -> Sharing:
    """What the rules say; they take it on trust that rows do not depend on each other."""
    return Sharing(
        max_rows=rules.max_batch_size,
        wait=rules.batch_timeout_micros / 1e6,
        max_queue=rules.max_enqueued_batches * rules.max_batch_size,
        proofs=0,
        run=rules.run,
    )


def _run_alone(task: Task, run: Runner) -> None:
    task.finish([] if task.gone else run_alone(task.call, run))


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
