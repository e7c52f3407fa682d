"""The report page of a run."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.autoencoder import Autoencoder
from zoo.datasets import Dataset
from zoo.evaluation import figures
from zoo.evaluation.evaluate import Evaluation
from zoo.evaluation.page import Page
from zoo.evaluation.representations import is_of_a_representation, side_by_side
from zoo.evaluation.retrieval import hamming_distances, squared_distances
from zoo.evaluation.rows import predict
from zoo.evaluation.words import expected_words

SHOWN = 10
EXTREMES = 4


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
    page = Page(
        f"{config['variant']} on {dataset.name}",
        f"{model.code.size} {'bits' if model.code.kind == 'binary' else 'units'}, "
        f"{config['backbone']} backbone, {len(history)} epochs",
    )
    metrics = evaluation.metrics
    rows_used = " ".join(evaluation.notes)
    compared = side_by_side(metrics)
    if compared:
        page.add(
            "Does the code help?",
            "What simple classifiers and searches make of the code, of raw inputs, and of PCA of "
            f"the same size. {rows_used}",
            table=compared,
        )
    page.add(
        "Measured on the test rows",
        "" if compared else rows_used,
        table={
            name: value
            for name, value in metrics.items()
            if not (compared and is_of_a_representation(name, metrics))
        },
    )
    some = np.linspace(0, len(dataset.x_test) - 1, min(SHOWN, len(dataset.x_test))).astype(int)
    inputs = predict(model.preprocessor, dataset.x_test[some])
    outputs = predict(model.decoder, evaluation.test_codes[some])
    if dataset.is_image:
        rows = [("input", inputs), ("reconstruction", outputs)]
        if evaluation.test_bits is not None:
            bits = evaluation.test_bits[some].astype("float32")
            rows.append(("from the bits", predict(model.decoder, bits)))
        page.add(
            "Reconstructions",
            "Test rows and what the decoder makes of their codes.",
            figure=figures.reconstructions(rows),
            name="reconstructions",
        )
        page.add(
            "Nearest neighbours",
            "Test rows (framed) and the training rows nearest to them by code, with "
            + ("Hamming distances." if model.binarize is not None else "squared distances."),
            figure=_neighbours(dataset, evaluation, some),
            name="neighbours",
        )
    elif dataset.kind in ("text", "counts"):
        page.add(
            "Words",
            "The most frequent words of test rows, and those that the decoder expects most.",
            table=expected_words(model, dataset, inputs, outputs),
        )
    else:
        page.add(
            "Reconstructions",
            "Test rows and what the decoder makes of their codes.",
            figure=figures.profiles(inputs[:4], outputs[:4]),
            name="reconstructions",
        )
    chosen = _extremes(evaluation.errors)
    extremes = np.concatenate(list(chosen.values()))
    page.add(
        "Best, median and worst",
        "Test rows of the smallest, median and largest reconstruction error, above what the "
        "decoder makes of them, and all errors.",
        figure=figures.extremes(
            evaluation.errors,
            predict(model.preprocessor, dataset.x_test[extremes]),
            predict(model.decoder, evaluation.test_codes[extremes]),
            chosen,
        ),
        name="extremes",
    )
    if histograms:
        page.add(
            "Activations of the code",
            "Noise before the sigmoid pushes activations to 0 and 1.",
            figure=figures.activation_histograms(np.array(histograms)),
            name="activations",
        )
    page.add(
        "Map of the codes",
        "Test rows, coloured by label where there are labels; labels took no part in training.",
        figure=figures.code_map(evaluation.test_codes, dataset.test_labels, evaluation.full),
        name="map",
    )
    if "by_radius" in metrics:
        page.add(
            "Retrieval by Hamming radius",
            "What queries find within so many flipped bits; a query that finds nothing counts as "
            "precision 0.",
            figure=figures.by_radius({"bits": metrics["by_radius"]}),
            name="radius",
        )
    if "robustness" in metrics:
        page.add(
            "Robustness",
            "Test rows with Gaussian noise, and with components missing: the error of "
            "reconstructing the clean row, and the accuracy of a linear probe fitted on clean "
            "training rows.",
            figure=figures.robustness({"code": metrics["robustness"]}),
            name="robustness",
        )
    if history:
        page.add("Training", figure=figures.curves(history), name="curves")
    page.add("Options", table=config)
    return page


def _extremes(errors: np.ndarray) -> dict[str, np.ndarray]:
    order = np.argsort(errors, kind="stable")
    count = min(EXTREMES, -(-len(errors) // 3))
    middle = max(0, (len(errors) - count) // 2)
    return {
        "best": order[:count],
        "median": order[middle : middle + count],
        "worst": order[::-1][:count],
    }


def _neighbours(dataset: Dataset, evaluation: Evaluation, some: np.ndarray) -> Any:
    some = some[:6]
    if evaluation.test_bits is not None and evaluation.train_bits is not None:
        distances = hamming_distances(evaluation.test_bits[some], evaluation.train_bits)
    else:
        distances = squared_distances(evaluation.test_codes[some], evaluation.train_codes)
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :SHOWN]
    captions = [[f"{row[i]:.3g}" for i in ids] for row, ids in zip(distances, nearest, strict=True)]
    found = [dataset.x_train[ids] for ids in nearest]
    return figures.neighbours(dataset.x_test[some], found, captions)
