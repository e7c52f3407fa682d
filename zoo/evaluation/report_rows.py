"""The rows on a report page: reconstructions, neighbours, and those of the extreme errors."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.autoencoder import Autoencoder
from zoo.datasets import Dataset
from zoo.evaluation import figures
from zoo.evaluation.component_names import component_names
from zoo.evaluation.evaluate import Evaluation
from zoo.evaluation.page import Page
from zoo.evaluation.retrieval import hamming_distances, squared_distances
from zoo.evaluation.rows import predict
from zoo.evaluation.words import expected_words
from zoo.likelihood import is_table, table_columns

SHOWN = 10
EXTREMES = 4
# Rows that are no images take more room.
PROFILES, EXTREME_PROFILES = 4, 2


def add_reconstructions(
    page: Page, model: Autoencoder, dataset: Dataset, evaluation: Evaluation
) -> None:
    """Adds test rows with what the decoder makes of their codes, and images with neighbours."""
    is_words = dataset.kind in ("text", "counts")
    shown = SHOWN if dataset.is_image or is_words else PROFILES
    count = len(dataset.x_test)
    some = np.linspace(0, count - 1, min(shown, count)).astype(int)
    inputs, outputs = _rows(model, dataset, evaluation, some)
    titles = [f"row {row}" for row in some]
    if is_words:
        page.add(
            "Words",
            "The most frequent words of test rows, and those that the decoder expects most"
            + (
                "; [UNK] stands for all that the model does not know."
                if dataset.kind == "text"
                else "."
            ),
            table=expected_words(model, dataset, inputs, outputs, titles),
        )
        return
    if not dataset.is_image:
        page.add(
            "Reconstructions",
            "Test rows, preprocessed, and what the decoder makes of their codes. "
            f"{_on_components(model, dataset)}",
            figure=_profiles(model, dataset, inputs, outputs, titles),
            name="reconstructions",
        )
        return
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


def add_extremes(
    page: Page, model: Autoencoder, dataset: Dataset, evaluation: Evaluation, unit: str
) -> None:
    """Adds two or more test rows of small, median and large error, and all errors."""
    chosen = extremes(evaluation.errors, EXTREMES if dataset.is_image else EXTREME_PROFILES)
    some = np.concatenate(list(chosen.values()))
    inputs, outputs = _rows(model, dataset, evaluation, some)
    is_words = dataset.kind in ("text", "counts")
    between = " " if is_words else "\n"
    titles = [
        f"{name}{between}{evaluation.errors[row]:.3g}"
        for name, rows in chosen.items()
        for row in rows
    ]
    heading = ", ".join(chosen).capitalize()
    text = f"Test rows by their reconstruction error ({unit})"
    if is_words:
        table = expected_words(model, dataset, inputs, outputs, titles)
        page.add(heading, f"{text}: their words, and those that the decoder expects.", table=table)
    else:
        rows = [("input", inputs), ("reconstruction", outputs)]
        figure = (
            figures.reconstructions(rows, titles)
            if dataset.is_image
            else _profiles(model, dataset, inputs, outputs, titles)
        )
        page.add(heading, f"{text}.", figure=figure, name="extremes")
    page.add(
        "Reconstruction errors",
        "Of all test rows.",
        figure=figures.errors(evaluation.errors, unit),
        name="errors",
    )


def _rows(
    model: Autoencoder, dataset: Dataset, evaluation: Evaluation, some: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Preprocessed test rows, NaN where a table has no value, and their reconstructions."""
    inputs = predict(model.preprocessor, dataset.x_test[some])
    if is_table(model.likelihood):
        inputs = without_missing(inputs, model.likelihood)
    return inputs, predict(model.decoder, evaluation.test_codes[some])


def without_missing(rows: np.ndarray, likelihood: str) -> np.ndarray:
    """Rows of a `TableEncoding` with NaN for categories of which none is set."""
    numeric, groups = table_columns(likelihood)
    parts = np.split(rows, np.cumsum([numeric, *groups])[:-1], axis=1)
    return np.concatenate(
        [
            parts[0],
            *(np.where(part.any(axis=1, keepdims=True), part, np.nan) for part in parts[1:]),
        ],
        axis=1,
    )


def _profiles(
    model: Autoencoder,
    dataset: Dataset,
    inputs: np.ndarray,
    outputs: np.ndarray,
    titles: list[str],
) -> Any:
    names = component_names(model, dataset)
    return figures.profiles(inputs, outputs, titles, names, dataset.kind == "series")


def _on_components(model: Autoencoder, dataset: Dataset) -> str:
    """What a reader must know of the components that are drawn."""
    sentences = []
    if dataset.kind == "table":
        sentences.append(
            "Numbers are in standard deviations from their column's mean, categories are shares; "
            "what is missing has no input."
            if dataset.categorical
            else "Values are in standard deviations from their column's mean."
        )
    shown, count, what = figures.MAX_NAMED, len(component_names(model, dataset)), "components"
    if dataset.kind == "series":
        shown, count, what = figures.MAX_CHANNELS, dataset.x_test.shape[-1], "channels"
    if count > shown:
        sentences.append(f"The first {shown} of {count} {what}.")
    return " ".join(sentences)


def extremes(errors: np.ndarray, most: int) -> dict[str, np.ndarray]:
    """Rows of the smallest, median and largest errors of two or more, none of them twice."""
    order = np.argsort(errors, kind="stable")
    if len(order) < 3:
        return {"best": order[:1], "worst": order[1:]}
    count = min(most, len(order) // 3)
    middle = (len(order) - count) // 2
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
