"""What SIGTERM and SIGINT do to a server that starts, and to one that runs."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

Handler = Callable[[int, Any], None]
_AGAIN = 0.1  # seconds


@contextlib.contextmanager
def on_interrupt(handler: Handler) -> Iterator[Callable[[Handler], None]]:
    """Lets a handler take both signals in the block; yields a function that puts in another."""

    def use(handler: Handler) -> None:
        for number in before:
            signal.signal(number, handler)

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    use(handler)
    try:
        yield use
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def sleep_until(condition: Callable[[], bool]) -> None:
    """Waits for what a handler does, or for anything else, by looking again and again.

    Python runs handlers between its own steps: one whose signal comes just before a call that
    blocks would wait for the end of that call.
    """
    while not condition():
        time.sleep(_AGAIN)


def exit_at_once(number: int, frame: object) -> None:
    """Ends a server that serves nobody yet: a load that hangs would hold up any other end."""
    os._exit(128 + number if number == signal.SIGINT else 0)
