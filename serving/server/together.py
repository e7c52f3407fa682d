"""Runs calls as one batch, and tells whether that changes their answers."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from serving.server.batch_rules import pad
from serving.server.pending import Answer
from serving.server.predict import Call

Runner = Callable[[Call], list[np.ndarray]]


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
    return [run_alone(call, run) for call in calls]


def are_alike(one: Answer, other: Answer) -> bool:
    """Whether two answers differ by no more than rounding."""
    if isinstance(one, Exception) or isinstance(other, Exception):
        return type(one) is type(other)
    return all(a.shape == b.shape and _are_close(a, b) for a, b in zip(one, other, strict=True))


def _are_close(a: np.ndarray, b: np.ndarray) -> bool:
    if a.dtype.name == "bfloat16":
        a, b = a.astype(np.float32), b.astype(np.float32)
    if a.dtype.kind not in "fc":  # codes, classes, texts: rounding does not show, or it matters
        return bool(np.array_equal(a, b))
    finite = np.abs(a[np.isfinite(a)])
    scale = float(finite.max()) if finite.size else 0.0
    return bool(np.allclose(a, b, rtol=1e-2, atol=1e-3 * scale, equal_nan=True))


def run_alone(call: Call, run: Runner) -> Answer:
    """Runs one call; an error is an answer, too."""
    try:
        return run(call)
    except Exception as error:
        return error
