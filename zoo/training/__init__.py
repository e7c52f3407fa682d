"""Training a model into a run folder, resumable after a kill."""

from zoo.diverged import DivergedError
from zoo.training.fit import fit_run
from zoo.training.run import Run

__all__ = ["DivergedError", "Run", "fit_run"]
