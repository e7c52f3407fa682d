"""Training a model into a run folder, resumable after a kill."""

from zoo.training.fit import fit_run
from zoo.training.run import Run

__all__ = ["Run", "fit_run"]
