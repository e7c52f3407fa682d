"""Does the reconstruction error tell rows of kinds that were not trained on?"""

from __future__ import annotations

import dataclasses
import pathlib
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import sklearn.metrics

import zoo.datasets
from zoo.autoencoder import Autoencoder
from zoo.datasets import Dataset
from zoo.evaluation.retrieval import average_precision


@dataclasses.dataclass(frozen=True)
class Outliers:
    """Rows that should stand out.

    Args:
        name: What they are.
        rows: The outlying rows `[o, ...]`.
        is_inlier: Which test rows of the data set they are to stand out from, booleans `[m]`.
        trained_on: How many training rows are of the same kind: 0 unless the test is unfair.
    """

    name: str
    rows: np.ndarray
    is_inlier: np.ndarray
    trained_on: int = 0


def find_outliers(
    source: str,
    dataset: Dataset,
    data_dir: str | pathlib.Path | None = None,
    reading: Mapping[str, Any] | None = None,
) -> Outliers:
    """Outliers by label or from another data set.

    Args:
        source: Labels of the data set, numbers or names, with commas between them (`3,7`), whose
            test rows are the outliers among the other test rows; or a name or file of another
            data set, whose test rows are outliers among all test rows.
        dataset: The data that the model was made for.
        data_dir: Where data sets are looked for by name.
        reading: How a file is read, see `zoo.datasets.load`: as the data set was.

    Returns:
        The outliers.

    Raises:
        ValueError: If labels are unknown, or rows of the other data set are of another shape
            or dtype, or nothing but outliers is left.
        FileNotFoundError: If there is no such data set.
    """
    parts = [part.strip() for part in source.split(",")]
    if not all(parts):
        raise ValueError(
            "Outliers must be labels with commas between, or a name or file of a data set. "
            f"Received: outliers={source!r}"
        )
    names = dataset.label_names
    labels = [str(names.index(part)) if part in names else part for part in parts]
    if (
        not all(re.fullmatch(r"-?[0-9]+", label) for label in labels)
        or pathlib.Path(source).exists()
    ):
        other = zoo.datasets.load(source, data_dir, **(reading or {}))
        for what in ("shape", "dtype"):
            wanted, received = (_of_a_row(x, what) for x in (dataset.x_test, other.x_test))
            if wanted != received:
                raise ValueError(
                    f"Outliers must be rows of the {what} {wanted}, as in {dataset.name}. "
                    f"Received: {source} with {received}"
                )
        return Outliers(other.name, other.x_test, np.ones(len(dataset.x_test), bool))
    if dataset.y_test is None or dataset.y_train is None or dataset.y_test.ndim > 1:
        raise ValueError(
            f"The data set {dataset.name} has no single labels to choose outliers by: give a "
            f"name or file of another data set. Received: outliers={source}"
        )
    wanted = np.array([int(label) for label in labels])
    unknown = sorted(set(wanted.tolist()) - set(dataset.y_test.tolist()))
    if unknown:
        raise ValueError(
            f"No test row of {dataset.name} has the label {unknown[0]}; there are "
            f"{', '.join(map(str, np.unique(dataset.y_test)))}. Received: outliers={source}"
        )
    chosen = np.isin(dataset.y_test, wanted)
    if chosen.all():
        raise ValueError(f"Some test rows must be no outliers. Received: outliers={source}")
    trained_on = int(np.isin(dataset.y_train, wanted).sum())
    return Outliers(f"label {source}", dataset.x_test[chosen], ~chosen, trained_on)


def _of_a_row(x: Any, what: str) -> Any:
    return x.shape[1:] if what == "shape" else x.dtype


def check_outliers(model: Autoencoder, outliers: Outliers) -> None:
    """Refuses outliers that the model cannot read.

    Raises:
        ValueError: If their shape is not the model's.
    """
    if outliers.rows.shape[1:] != tuple(model.input_shape[1:]):
        raise ValueError(
            f"The model reads rows of the shape {tuple(model.input_shape[1:])}. "
            f"Received: outliers of the shape {outliers.rows.shape[1:]}"
        )


def detection(inlier_scores: np.ndarray, outlier_scores: np.ndarray) -> dict[str, float]:
    """How well higher scores tell outliers.

    Args:
        inlier_scores: `[n]`.
        outlier_scores: `[m]`.

    Returns:
        `roc_auc`, the probability that an outlier's score is above an inlier's, equal ones
        counting half; `average_precision` of the ranking by falling score, equal scores at
        their expectation.

    Example:
    >>> detection(np.array([0.1, 0.2]), np.array([0.9]))
    {'roc_auc': 1.0, 'average_precision': 1.0}
    """
    scores = np.concatenate([inlier_scores, outlier_scores]).astype("float64")
    is_outlier = np.arange(len(scores)) >= len(inlier_scores)
    return {
        "roc_auc": float(sklearn.metrics.roc_auc_score(is_outlier, scores)),
        "average_precision": float(average_precision(-scores[None], is_outlier[None])[0]),
    }
