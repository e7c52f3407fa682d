"""`ProgressBar`: one line for a whole training."""

from __future__ import annotations

from typing import Any

import keras
import rich.console
import rich.progress

SHOWN = ("loss", "val_binarized_error", "val_reconstruction_error", "val_saturated_fraction")


class ProgressBar(keras.callbacks.Callback):
    """Shows epochs done, time left and the main metrics on one line of the terminal.

    Where stderr is no terminal, a plain line is written about ten times in a training.

    Args:
        epochs: All epochs of the training.
        first_epoch: Epochs trained before.
        what: What is counted.
    """

    def __init__(self, epochs: int, first_epoch: int = 0, what: str = "epoch"):
        super().__init__()
        self.what = what
        self.epochs = epochs
        self.first_epoch = first_epoch
        self.console = rich.console.Console(stderr=True)
        self.bar = rich.progress.Progress(
            rich.progress.TextColumn(what + " {task.completed:.0f}/{task.total:.0f}"),
            rich.progress.BarColumn(),
            rich.progress.TimeRemainingColumn(),
            rich.progress.TextColumn("{task.fields[metrics]}"),
            console=self.console,
        )

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Draws the empty bar."""
        if self.console.is_terminal:
            self.bar.start()
            self.task = self.bar.add_task(
                "", total=self.epochs, completed=self.first_epoch, metrics="compiling"
            )

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Moves the bar."""
        logs = logs or {}
        metrics = " ".join(f"{name} {logs[name]:.4f}" for name in SHOWN if name in logs)
        if self.console.is_terminal:
            self.bar.update(self.task, completed=epoch + 1, metrics=metrics)
        elif (epoch + 1) % max(1, self.epochs // 10) == 0 or epoch + 1 == self.epochs:
            self.console.print(f"{self.what} {epoch + 1}/{self.epochs} {metrics}", soft_wrap=True)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Leaves the bar as it is."""
        self.bar.stop()
