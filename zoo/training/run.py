"""`Run`: the folder that a training writes and evaluation reads."""

from __future__ import annotations

import csv
import json
import pathlib
from typing import Any

import filelock

from zoo.autoencoder import Autoencoder
from zoo.files import replacing
from zoo.load import MODEL_FILE, load

CONFIG_KEYS = {
    "backbone",
    "batch_size",
    "code_dim",
    "data",
    "data_dir",
    "data_fingerprint",
    "epochs",
    "learning_rate",
    "likelihood",
    "options",
    "seed",
    "variant",
}


class Run:
    """A folder with a model, the options it was made with, and what was measured.

    `model.keras` the model with its optimizer; `config.json` all options, seeds, versions and
    the data's fingerprint; `taught_codes.npy` the codes that the encoder is taught, if it is, as
    packed bits of the training rows; `history.csv` a row an epoch; `metrics.json`;
    `report.html` and its figures; `tensorboard/`. Every file is replaced whole or not at all.

    Args:
        folder: The folder, which need not exist.

    Example:
    >>> Run("runs/digits").load_model().encoder
    """

    def __init__(self, folder: str | pathlib.Path):
        self.folder = pathlib.Path(folder)
        self.model_file = self.folder / MODEL_FILE
        self.config_file = self.folder / "config.json"
        self.codes_file = self.folder / "taught_codes.npy"
        self.history_file = self.folder / "history.csv"
        self.metrics_file = self.folder / "metrics.json"
        self.activations_file = self.folder / "activations.json"
        self.tensorboard_folder = self.folder / "tensorboard"

    def lock(self) -> filelock.BaseFileLock:
        """A lock that one training at a time can hold; taking it does not wait."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return filelock.FileLock(self.folder / ".lock", timeout=0)

    def load_model(self) -> Autoencoder:
        """Loads the model; see `zoo.load` for the errors."""
        return load(self.folder)

    def save_model(self, model: Autoencoder) -> None:
        """Replaces the model."""
        with replacing(self.model_file) as partial:
            model.save(partial)

    def read_json(self, file: pathlib.Path) -> Any:
        """Reads one of the folder's JSON files.

        Raises:
            FileNotFoundError: If it is not there.
            ValueError: If it is damaged.
        """
        if not file.is_file():
            raise FileNotFoundError(f"{self.folder} is not a run of `python -m zoo fit`: no {file}")
        try:
            return json.loads(file.read_text())
        except ValueError as error:  # no JSON, or no UTF-8
            raise ValueError(f"{file} is damaged: {error}") from error

    def read_config(self) -> dict[str, Any]:
        """The options and what else the run was begun with.

        Raises:
            FileNotFoundError: If it is not there.
            ValueError: If it is damaged.
        """
        config = self.read_json(self.config_file)
        if not isinstance(config, dict) or not set(config) >= CONFIG_KEYS:
            raise ValueError(
                f"{self.config_file} is damaged: it must be an object with "
                f"{', '.join(sorted(CONFIG_KEYS))}."
            )
        return config

    def read_metrics(self) -> dict[str, Any]:
        """What was measured.

        Raises:
            FileNotFoundError: If it is not there.
            ValueError: If it is damaged.
        """
        metrics = self.read_json(self.metrics_file)
        if not isinstance(metrics, dict):
            raise ValueError(f"{self.metrics_file} is damaged: it must be an object.")
        return metrics

    def write_json(self, file: pathlib.Path, content: Any) -> None:
        """Replaces one of the folder's JSON files."""
        with replacing(file) as partial:
            partial.write_text(json.dumps(content, indent=2) + "\n")

    def read_history(self) -> list[dict[str, float]]:
        """One row an epoch.

        Raises:
            ValueError: If it is damaged.
        """
        if not self.history_file.exists():
            return []
        try:
            with self.history_file.open(newline="") as file:
                rows = [
                    {name: float(value) for name, value in row.items() if value}
                    for row in csv.DictReader(file)
                ]
                return [row | {"epoch": int(row["epoch"])} for row in rows]
        except (ValueError, TypeError, KeyError, csv.Error) as error:
            raise ValueError(f"{self.history_file} is damaged: {error}") from error

    def write_history(self, rows: list[dict[str, float]]) -> None:
        """Replaces the history."""
        names = dict.fromkeys(name for row in rows for name in row)
        with replacing(self.history_file) as partial, partial.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(names))
            writer.writeheader()
            writer.writerows(rows)
