"""Measures what labels say about a representation: codes, bits, raw inputs or PCA."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import sklearn.decomposition

from zoo.evaluation.probes import LinearProbe, nearest_neighbour_votes
from zoo.evaluation.retrieval import (
    average_precision,
    over_blocks,
    precision_and_recall_at_k,
    relevance,
)

NEIGHBOURS = 10
PCA_ROWS = 10_000
SENSIBLE_K = (100, 50, 20, 10, 5, 1)
# How metrics of a representation end, and what people call it.
NAMES = {"": "code", "_bits": "bits", "_raw_input": "raw input", "_pca": "PCA of the same size"}


@dataclasses.dataclass(frozen=True)
class Representation:
    """Rows in one representation.

    Args:
        train: Training rows `[n, size]`.
        test: Test rows `[m, size]`.
        binary: Whether they are bits, compared by Hamming distance.
    """

    train: np.ndarray
    test: np.ndarray
    binary: bool = False


@dataclasses.dataclass(frozen=True)
class Labels:
    """Labels of the rows of a `Representation`, and which rows are used.

    Args:
        train: `[n]`, or 0 and 1 `[n, labels]` where a row may have several: then nothing is
            classified, and an entry is relevant that shares a label.
        test: `[m]`, or `[m, labels]`.
        probe_rows: Training rows that the linear probe learns from.
        queries: Test rows that are looked up among all training rows and classified.
    """

    train: np.ndarray
    test: np.ndarray
    probe_rows: np.ndarray
    queries: np.ndarray


def sensible_k(labels: np.ndarray, k: int) -> int:
    """A round number of neighbours, at most `k`, that a class of median size can fill."""
    several = labels.ndim > 1
    counts = labels.sum(0) if several else np.unique(labels, return_counts=True)[1]
    median = int(np.median(counts))
    return next(size for size in (k, *SENSIBLE_K) if size <= min(k, max(1, median)))


def fit_pca(train: np.ndarray, size: int) -> sklearn.decomposition.PCA:
    """PCA of (up to 10,000) training rows, with as many components as there can be up to `size`."""
    some = train[:: -(-len(train) // PCA_ROWS)]
    with np.errstate(invalid="ignore"):  # of rows that are all the same
        return sklearn.decomposition.PCA(min(size, *some.shape), random_state=0).fit(some)


def measure(
    representation: Representation, labels: Labels, k: int, probe: LinearProbe | None
) -> dict[str, float]:
    """Linear probe, k nearest neighbours and retrieval; ties count at their expectation.

    Args:
        representation: The rows.
        labels: Their labels; relevant to a query is what has its label, see `relevance`.
        k: Entries looked at for precision and recall.
        probe: What `fit_probe` returned.

    Returns:
        `linear_accuracy`, where there is a probe; `knn_accuracy` of 10 neighbours, where a row has
        one label;
        `precision_at_K`, `recall_at_K`, `mean_average_precision`, means over queries, the
        latter two over those to which any training row is relevant.
    """
    train, queries = representation.train, representation.test[labels.queries]
    wanted = labels.test[labels.queries]
    metrics = {}
    if probe is not None:
        metrics["linear_accuracy"] = probe.accuracy(queries, wanted)

    is_class = wanted.ndim == 1

    def of_block(some: slice, distances: np.ndarray) -> np.ndarray:
        relevant = relevance(wanted[some], labels.train)
        columns = [
            *precision_and_recall_at_k(distances, relevant, k),
            average_precision(distances, relevant),
        ]
        if is_class:
            votes = nearest_neighbour_votes(distances, labels.train, min(NEIGHBOURS, len(train)))
            columns.insert(0, votes == wanted[some])
        return np.stack(columns, axis=1)

    found = over_blocks(of_block, queries, train, representation.binary)
    names = ["knn_accuracy"] if is_class else []
    names += [f"precision_at_{k}", f"recall_at_{k}", "mean_average_precision"]
    for name, column in zip(names, np.concatenate(found).T, strict=True):
        if not np.isnan(column).all():
            metrics[name] = float(np.nanmean(column))
    return metrics


def fit_probe(representation: Representation, labels: Labels) -> LinearProbe | None:
    """The linear probe of a representation; `None` for one class only, or rows of several."""
    rows = labels.probe_rows
    if labels.train.ndim > 1 or len(np.unique(labels.train[rows])) < 2:
        return None
    return LinearProbe(representation.train[rows], labels.train[rows])


def side_by_side(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Metrics that several representations have, one representation a line."""
    lines = []
    for suffix, name in NAMES.items():
        values = {measure: metrics.get(measure + suffix) for measure in _measures(metrics)}
        if any(value is not None for value in values.values()):
            shown = {m.replace("_", " "): "" if v is None else v for m, v in values.items()}
            lines.append({"representation": name, **shown})
    return lines


def is_of_a_representation(name: str, metrics: Mapping[str, Any]) -> bool:
    """Whether `side_by_side` shows the metric."""
    return any(name == measure + suffix for measure in _measures(metrics) for suffix in NAMES)


def _measures(metrics: Mapping[str, Any]) -> list[str]:
    prefixes = ("linear_accuracy", "knn_accuracy", "precision_at_", "recall_at_", "mean_average")
    suffixes = tuple(suffix for suffix in NAMES if suffix)
    return [m for m in metrics if m.startswith(prefixes) and not m.endswith(suffixes)]
