"""What SIGTERM and SIGINT do to a server that starts, and to one that runs."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

Handler = Callable[[int, Any], None]


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


def exit_at_once(number: int, frame: object) -> None:
    """Ends a server that serves nobody yet: a load that hangs would hold up any other end."""
    os._exit(128 + number if number == signal.SIGINT else 0)
