"""Runs compiled searches on several cores, and prepares arrays for them."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

THREADS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
MIN_QUERIES_PER_THREAD = 32


def in_threads(run: Callable[[slice], Any], queries: int) -> None:
    """Calls `run` with slices that together cover all queries, in threads if there are many."""
    parts = min(THREADS, queries // MIN_QUERIES_PER_THREAD)
    if parts < 2:
        run(slice(0, queries))
        return
    edges = np.linspace(0, queries, parts + 1).astype(int).tolist()
    slices = [slice(start, stop) for start, stop in itertools.pairwise(edges)]
    with ThreadPoolExecutor(parts) as pool:
        list(pool.map(run, slices))


def in_turn(
    tasks: Sequence[Callable[[], Any]], progress: Callable[[float], None] | None = None
) -> None:
    """Calls all tasks, in threads, the first ones first; raises what one of them raised.

    Args:
        tasks: What to call.
        progress: Called with the share of tasks that are done, from any thread.
    """
    done = itertools.count(1)

    def run(task: Callable[[], Any]) -> None:
        task()
        if progress is not None:
            progress(next(done) / len(tasks))

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(run, tasks))


def readonly(array: np.ndarray) -> np.ndarray:
    """A read-only view, so that one compiled version serves arrays in memory and in files."""
    view = array.view()
    view.flags.writeable = False
    return view
