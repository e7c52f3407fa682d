"""A click group whose commands end in one line of error and a meaningful exit code."""

from __future__ import annotations

import os
from typing import Any

import click

EXIT_FAILED = 1
EXIT_BAD_INPUT = 2


class Group(click.Group):
    """Runs commands; an expected error becomes one line on stderr instead of a traceback.

    Exit codes: 0 done; 1 the work failed (a server that is not there, a full disk, a check
    that did not pass); 2 bad input (a wrong option, shape, file or name); 130 interrupted.
    With `AEZOO_DEBUG=1` in the environment the traceback is shown.

    Args:
        errors: Exception classes besides `ValueError` and `OSError` that mean failed work and
            whose message is meant for the user.
        **kwargs: As for `click.Group`.
    """

    def __init__(self, *args: Any, errors: tuple[type[Exception], ...] = (), **kwargs: Any):
        kwargs.setdefault("context_settings", {"help_option_names": ["-h", "--help"]})
        super().__init__(*args, **kwargs)
        self.errors = errors

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command, turning expected errors into `click.ClickException`."""
        if os.environ.get("AEZOO_DEBUG"):
            return super().invoke(ctx)
        try:
            return super().invoke(ctx)
        except (ValueError, FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            raise _one_line(error, EXIT_BAD_INPUT) from error
        except (*self.errors, OSError) as error:
            raise _one_line(error, EXIT_FAILED) from error


def _one_line(error: Exception, exit_code: int) -> click.ClickException:
    text = " ".join(str(error).split()) or type(error).__name__
    exception = click.ClickException(text)
    exception.exit_code = exit_code
    return exception
