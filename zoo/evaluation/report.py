"""The report page of a run."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.autoencoder import Autoencoder
from zoo.datasets import Dataset
from zoo.evaluation import curves, figures
from zoo.evaluation.evaluate import Evaluation
from zoo.evaluation.maps import can_be_mapped
from zoo.evaluation.meanings import meaning
from zoo.evaluation.page import Page
from zoo.evaluation.report_rows import add_extremes, add_reconstructions
from zoo.evaluation.representations import is_of_a_representation, side_by_side
from zoo.likelihood import error_unit


def build_report(
    model: Autoencoder,
    dataset: Dataset,
    evaluation: Evaluation,
    history: list[dict[str, float]],
    histograms: list[list[int]],
    config: dict[str, Any],
) -> Page:
    """Puts the pictures of a run on one page.

    Args:
        model: The trained model.
        dataset: Its data.
        evaluation: What `evaluate` returned.
        history: One row an epoch.
        histograms: Counts of activations for each epoch, empty for codes that are not binary.
        config: The options of the run.

    Returns:
        The page, not yet written.
    """
    metrics, unit = evaluation.metrics, error_unit(model.likelihood)
    binary = model.code.kind == "binary"
    page = Page(
        f"{config['variant']} on {dataset.name}",
        f"{_count(model.code.size, 'bit' if binary else 'unit')}, "
        f"{config['backbone']} backbone, {_count(len(history), 'epoch')}",
    )
    rows_used = " ".join(evaluation.notes)
    compared = side_by_side(metrics)
    if compared:
        page.add(
            "Does the code help?",
            "What simple classifiers and searches make of the code, of raw inputs, and of PCA of "
            f"the same size: shares, of which 1 is best. {rows_used}",
            table=compared,
        )
    page.add(
        "Measured on the test rows",
        "" if compared else rows_used,
        table=[
            {"metric": name, "value": value, "meaning": meaning(name, unit)}
            for name, value in metrics.items()
            if not isinstance(value, list)
            and name != "error_unit"
            and not (compared and is_of_a_representation(name, metrics))
        ],
    )
    add_reconstructions(page, model, dataset, evaluation)
    if len(evaluation.errors) > 1:
        add_extremes(page, model, dataset, evaluation, unit)
    if histograms:
        page.add(
            "Activations of the code",
            "Of validation rows, without noise: what is near 0 or 1 loses little when a threshold "
            "makes bits of it.",
            figure=curves.activation_histograms(np.array(histograms)),
            name="activations",
        )
    labels = np.unique([] if dataset.test_labels is None else dataset.test_labels)
    coloured = "" if not len(labels) else ", coloured by label; labels took no part in training"
    if len(labels) > figures.MAX_COLOURS:
        coloured += f". There are {len(labels)}, too many for a key to the colours"
    if can_be_mapped(evaluation.test_codes):
        page.add(
            "Map of the codes",
            f"Test rows{coloured}.",
            figure=figures.code_map(evaluation.test_codes, dataset.test_labels, evaluation.full),
            name="map",
        )
    if "by_radius" in metrics:
        page.add(
            "Retrieval by Hamming radius",
            "What queries find within so many flipped bits; a query that finds nothing counts as "
            "precision 0.",
            figure=curves.by_radius({"bits": metrics["by_radius"]}),
            name="radius",
        )
    if "robustness" in metrics:
        probed = ""
        if "linear_accuracy" in metrics["robustness"][0]:
            probed = ", and the accuracy of a linear probe fitted on clean training rows"
        page.add(
            "Robustness",
            "Test rows with Gaussian noise, and with components missing: the error of "
            f"reconstructing the clean row{probed}.",
            figure=curves.robustness({"code": metrics["robustness"]}, {"code": unit}),
            name="robustness",
        )
    if history:
        page.add(
            "Training",
            _on_training(history, model),
            figure=curves.training(history, unit),
            name="curves",
        )
    page.add("Options", table=_flat({**config, "likelihood": model.likelihood}))
    return page


def _on_training(history: list[dict[str, float]], model: Autoencoder) -> str:
    text = "Validation rows are held out of the training rows. The loss is "
    if curves.loss_is_error(history):
        return text + "the reconstruction error alone."
    if any("code_error" in row for row in history):
        return text + (
            f"the reconstruction error, all penalties and {model.code_weight:g} times the error "
            "of the codes that are taught; validation teaches none, so that its loss cannot be "
            "compared and is left out."
        )
    return text + "the reconstruction error and all penalties."


def _flat(config: dict[str, Any]) -> dict[str, Any]:
    """Options one a line, those of parts too."""
    flat: dict[str, Any] = {}
    for name, value in config.items():
        if isinstance(value, dict):
            flat |= {f"{name}: {key}": str(part) for key, part in value.items()}
        else:
            flat[name] = str(value) if isinstance(value, list) else value
    return flat


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
