"""A click group whose commands end in one line of error and a meaningful exit code."""

from __future__ import annotations

import os
import warnings
from typing import Any

import click


class Group(click.Group):
    """Runs commands; an expected error becomes one line on stderr instead of a traceback.

    So does a warning, which says what is wrong and not where in the code it was noticed.

    Exit codes: 0 done; 1 the work failed (a server that is not there, a full disk, a check
    that did not pass) or was interrupted; 2 bad input (a wrong option, shape, file or name).
    With `AEZOO_DEBUG=1` in the environment the traceback is shown.

    Args:
        errors: Exception classes besides `ValueError` and `OSError` that mean failed work and
            whose message is meant for the user.
        **kwargs: As for `click.Group`.
    """

    def __init__(self, *args: Any, errors: tuple[type[Exception], ...] = (), **kwargs: Any):
        kwargs.setdefault("context_settings", {"help_option_names": ["-h", "--help"]})
        super().__init__(*args, **kwargs)
        self.failures: tuple[type[Exception], ...] = (*errors, OSError)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command, turning expected errors into `click.ClickException`."""
        if os.environ.get("AEZOO_DEBUG"):
            return super().invoke(ctx)
        try:
            with warnings.catch_warnings():
                warnings.showwarning = _show_warning  # type: ignore[assignment]
                return super().invoke(ctx)
        except (ValueError, FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            raise BadInput(_one_line(error)) from error
        except self.failures as error:
            raise Failed(_one_line(error)) from error


class Failed(click.ClickException):
    """The work could not be done."""

    exit_code = 1


class BadInput(click.ClickException):
    """An argument, file or name was wrong."""

    exit_code = 2


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _show_warning(message: Warning | str, *_: Any) -> None:
    click.echo(f"warning: {' '.join(str(message).split())}", err=True)
