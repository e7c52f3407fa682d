"""Codes that keep neighbours together, as the first part of a run."""

from __future__ import annotations

import zipfile
from typing import Any

import numpy as np
import rich.console
import rich.progress

from zoo.autoencoder import Autoencoder
from zoo.files import replacing
from zoo.neighbours import neighbour_codes, neighbour_features
from zoo.training.run import Run


def codes_to_teach(
    run: Run, model: Autoencoder, train: Any, config: dict[str, Any], progress: bool
) -> np.ndarray | None:
    """The codes that a run teaches its encoder; found once and kept in the folder.

    Args:
        run: The folder.
        model: The model to be trained.
        train: Training rows.
        config: `neighbours`, `code_dim` and `seed`, see `fit_run`.
        progress: Whether to show a progress bar.

    Returns:
        uint8 of 0 and 1 `[n, code_dim]`, or `None` if no neighbours are to be kept or
        the model was made without a `code_weight`.

    Raises:
        ValueError: If there are too few rows, or the kept codes do not fit them.
    """
    if not config["neighbours"] or model.code_weight is None:
        return None
    bits = config["code_dim"]
    if run.codes_file.exists():
        try:
            packed = np.load(run.codes_file, allow_pickle=False)
        except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
            raise ValueError(f"{run.codes_file} is damaged: remove it. {error}") from error
        if packed.dtype != np.uint8 or packed.shape != (len(train), -(-bits // 8)):
            raise ValueError(
                f"{run.codes_file} does not fit the training rows: remove it. Received: "
                f"{packed.dtype} of shape {packed.shape}, {len(train)} rows"
            )
        return np.unpackbits(packed, axis=1, count=bits)
    with rich.progress.Progress(
        rich.progress.TextColumn("{task.description}"),
        rich.progress.BarColumn(),
        rich.progress.TimeRemainingColumn(),
        console=rich.console.Console(stderr=True),
        disable=not progress,
    ) as bar:
        reading, finding = (
            bar.add_task(what, total=len(train)) for what in ("reading rows", "finding neighbours")
        )

        def report(task: Any) -> Any:
            return lambda done: bar.update(task, completed=done)

        features = neighbour_features(model, train, report(reading))
        codes = neighbour_codes(
            features, bits, config["neighbours"], config["seed"], report(finding)
        )
    with replacing(run.codes_file) as partial, partial.open("wb") as file:
        np.save(file, np.packbits(codes, axis=1), allow_pickle=False)
    return codes
