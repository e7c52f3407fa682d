"""The step under way, shown on stderr."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

import rich.console
import rich.progress


@contextlib.contextmanager
def steps() -> Iterator[Callable[[str], None]]:
    """Shows the step under way: a spinner on a terminal, a line each elsewhere."""
    terminal = rich.console.Console(stderr=True)
    if not terminal.is_terminal:
        yield lambda line: print(f"{line} ...", file=sys.stderr, flush=True)
        return
    columns = (
        rich.progress.SpinnerColumn(),
        rich.progress.TextColumn("{task.description}"),
        rich.progress.TimeElapsedColumn(),
    )
    with rich.progress.Progress(*columns, console=terminal, transient=True) as bar:
        task = bar.add_task("starting")
        yield lambda line: bar.update(task, description=line)
