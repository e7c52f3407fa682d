"""`Checkpoint`: keeps a run folder able to resume while training goes on."""

from __future__ import annotations

import time
from typing import Any

import keras
import numpy as np

from zoo.checks import texts_to_tensor
from zoo.training.run import Run

# Seconds between two saved models: a kill costs no more work than that and one epoch.
INTERVAL = 5.0
BINS = 40


class Checkpoint(keras.callbacks.Callback):
    """Writes history and model every few seconds and at the end.

    The history is written first: rows beyond the saved model's epoch are dropped on resuming,
    so a kill between the two writes loses nothing. For codes in [0, 1] the histogram of the
    noise-free activations on a sample is kept for each epoch too. An epoch whose loss is not
    finite ends the training, and is not saved.

    Args:
        run: The folder.
        sample: Rows for the histogram.
        first_epoch: Epochs trained before.

    Attributes:
        diverged: The epoch whose loss was not finite, or `None`.
    """

    def __init__(self, run: Run, sample: np.ndarray, first_epoch: int = 0):
        super().__init__()
        self.run = run
        self.sample = sample
        self.rows = run.read_history()[:first_epoch]
        self.histograms: list[list[int]] = []
        if first_epoch and run.activations_file.exists():
            self.histograms = run.read_json(run.activations_file)[:first_epoch]
        self.saved = time.monotonic()
        self.diverged: int | None = None

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Notes the epoch and saves if it is time."""
        losses = [value for key, value in (logs or {}).items() if key in ("loss", "val_loss")]
        if not np.isfinite(losses).all():
            self.diverged = epoch
            self.model.stop_training = True
            return
        self.rows.append({"epoch": epoch} | {k: float(v) for k, v in (logs or {}).items()})
        if self.model.code.kind == "binary":
            codes = np.asarray(self.model.encoder(texts_to_tensor(self.sample), training=False))
            self.histograms.append(np.histogram(codes, BINS, (0, 1))[0].tolist())
        if time.monotonic() - self.saved >= INTERVAL:
            self.save()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Saves the last state, unless it is good for nothing."""
        if self.diverged is None:
            self.save()

    def save(self) -> None:
        """Writes everything."""
        self.run.write_history(self.rows)
        if self.histograms:
            self.run.write_json(self.run.activations_file, self.histograms)
        self.run.save_model(self.model)
        self.saved = time.monotonic()
