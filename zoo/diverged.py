"""`DivergedError`: a training whose loss is not a number any more."""

from __future__ import annotations


class DivergedError(RuntimeError):
    """The loss became NaN or infinite."""
