"""Puts runs side by side."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Sequence
from typing import Any

from zoo.evaluation import curves
from zoo.evaluation.page import Page
from zoo.training import Run

# Options that tell nothing about what was trained, or everything at once.
UNINTERESTING = {"data_dir", "versions", "data_fingerprint"}
PICTURES = {
    "reconstructions": "Reconstructions",
    "extremes": "Best, median and worst",
    "map": "Map of the codes",
}


@dataclasses.dataclass(frozen=True)
class Measured:
    """A run with its options, metrics and history.

    Args:
        name: How it is told from the others.
        folder: Where it is.
        config: Its options.
        metrics: What was measured.
        history: One row an epoch.
    """

    name: str
    folder: pathlib.Path
    config: dict[str, Any]
    metrics: dict[str, Any]
    history: list[dict[str, float]]


def short_names(folders: Sequence[pathlib.Path]) -> list[str]:
    """The ends of paths, as short as they differ.

    Raises:
        ValueError: If a folder is given twice.
    """
    paths = [pathlib.Path(os.path.abspath(folder)) for folder in folders]
    if len(set(paths)) < len(paths):
        twice = next(
            str(f) for f, path in zip(folders, paths, strict=True) if paths.count(path) > 1
        )
        raise ValueError(f"Runs to compare must be different folders. Received twice: {twice}")
    for length in range(1, max(len(path.parts) for path in paths) + 1):
        names = ["/".join(path.parts[-length:]) for path in paths]
        if len(set(names)) == len(names):
            break
    return names


def metric_table(runs: Sequence[Measured]) -> list[dict[str, Any]]:
    """One metric a line, one run a column; empty where a run has no such metric."""
    names = dict.fromkeys(
        name for run in runs for name, value in run.metrics.items() if not isinstance(value, list)
    )
    return [
        {"metric": name, **{run.name: run.metrics.get(name, "") for run in runs}} for name in names
    ]


def option_table(runs: Sequence[Measured]) -> list[dict[str, Any]]:
    """The options in which runs differ, one a line, one run a column."""
    parts = ("options", "reading")
    configs = [
        run.config | {k: v for part in parts for k, v in run.config.get(part, {}).items()}
        for run in runs
    ]
    names = dict.fromkeys(name for config in configs for name in config)
    return [
        {
            "option": name,
            **{run.name: c.get(name, "") for run, c in zip(runs, configs, strict=True)},
        }
        for name in names
        if name not in UNINTERESTING.union(parts)
        and any(config.get(name) != configs[0].get(name) for config in configs)
    ]


def warnings(runs: Sequence[Measured]) -> list[str]:
    """What makes a comparison unfair, a sentence each."""
    found = []
    if len({run.config.get("data_fingerprint") for run in runs}) > 1:
        found.append("The runs were measured on different data.")
    if len({run.metrics.get("outliers") for run in runs}) > 1:
        found.append("The runs were tested with different outliers.")
    units = dict.fromkeys(unit for unit in _units(runs).values() if unit)
    if len(units) > 1:
        found.append(
            "Reconstruction errors and losses are in different units, which cannot be compared: "
            f"{'; '.join(units)}."
        )
    return found


def _units(runs: Sequence[Measured]) -> dict[str, str]:
    return {run.name: run.metrics.get("error_unit", "") for run in runs}


def compare(runs: Sequence[Measured]) -> Page:
    """Draws runs side by side.

    Args:
        runs: At least one.

    Returns:
        The page, not yet written.

    Example:
    >>> compare(runs).write("compare.html")
    """
    page = Page("Runs side by side", ", ".join(run.name for run in runs))
    page.add("Metrics", " ".join(warnings(runs)), table=metric_table(runs))
    options = option_table(runs)
    if options:
        page.add("Options that differ", table=options)
    units = _units(runs)
    of_robustness, of_radius = (
        {run.name: run.metrics.get(name, []) for run in runs}
        for name in ("robustness", "by_radius")
    )
    if any(of_robustness.values()):
        page.add(
            "Robustness",
            "Test rows with noise, and with components missing.",
            figure=curves.robustness(of_robustness, units),
            name="compare-robustness",
        )
    if any(of_radius.values()):
        page.add(
            "Retrieval by Hamming radius",
            "What queries find within so many flipped bits; a query that finds nothing counts as "
            "precision 0.",
            figure=curves.by_radius(of_radius),
            name="compare-by_radius",
        )
    histories = {run.name: run.history for run in runs}
    if any(histories.values()):
        page.add(
            "Training",
            "The reconstruction error on validation rows.",
            figure=curves.courses(histories, "val_reconstruction_error", units),
            name="compare-training",
        )
    for picture, heading in PICTURES.items():
        for i, run in enumerate(runs):
            file = run.folder / f"{picture}.png"
            if file.exists():
                page.add(
                    f"{heading}: {run.name}",
                    figure=file.read_bytes(),
                    name=f"compare-{picture}-{i}",
                )
    return page


def read(folders: Sequence[pathlib.Path]) -> list[Measured]:
    """Reads runs that were evaluated.

    Raises:
        FileNotFoundError: If a folder is no run, or was not evaluated.
        ValueError: If a file is damaged or a folder is given twice.
    """
    runs = []
    for name, folder in zip(short_names(folders), folders, strict=True):
        run = Run(folder)
        config = run.read_config()
        if not run.metrics_file.exists():
            raise FileNotFoundError(
                f"{folder} was not evaluated: run `python -m zoo evaluate {folder}` first."
            )
        metrics = run.read_metrics()
        runs.append(Measured(name, folder, config, metrics, run.read_history()))
    return runs
