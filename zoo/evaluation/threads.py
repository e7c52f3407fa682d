"""Keeps numeric libraries from starting threads of their own."""

from __future__ import annotations

from contextlib import AbstractContextManager

import threadpoolctl  # type: ignore[import-untyped]


def one_thread() -> AbstractContextManager:
    """A context in which BLAS and OpenMP use one thread.

    For many small steps: threads wait for each other in a spin after each of them, which saves
    nothing on an idle machine and takes many times as long on a busy one.
    """
    return threadpoolctl.threadpool_limits(1)
