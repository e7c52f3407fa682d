"""Measures a model on the test rows of a data set."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from zoo.autoencoder import Autoencoder
from zoo.datasets import Dataset, SparseRows
from zoo.evaluation.anomalies import Outliers, check_outliers, detection
from zoo.evaluation.code_statistics import bit_statistics, code_statistics
from zoo.evaluation.jacobian import jacobian_norms, sensible_rows
from zoo.evaluation.representations import (
    Labels,
    Representation,
    fit_pca,
    fit_probe,
    measure,
    sensible_k,
)
from zoo.evaluation.retrieval import by_radius
from zoo.evaluation.robustness import robustness
from zoo.evaluation.rows import (
    evenly_spaced,
    fill_missing,
    input_features,
    predict,
    reconstruction_errors,
)
from zoo.evaluation.speed import speed
from zoo.likelihood import error_unit

K = 100
# Rows of a quick evaluation.
QUERIES = 1000
PROBE_ROWS = 10_000
# Raw inputs and PCA are left out where preprocessed rows take more bytes than this.
MAX_FEATURE_BYTES = 4_000_000_000


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What was measured, and the arrays that pictures are drawn from.

    Args:
        metrics: Names to numbers, the errors' unit as `error_unit`, and the curves `robustness`
            and `by_radius` as lists of records. What makes no sense for the data is not there.
        errors: Reconstruction errors of the test rows `[m]`.
        train_codes: Clean codes of the training rows `[n, size]`.
        test_codes: Clean codes of the test rows `[m, size]`.
        train_bits: The same as bits, or `None` for codes that are not binary.
        test_bits: See `train_bits`.
        notes: Sentences about the rows that were used.
        full: Whether everything was measured, on all rows.
    """

    metrics: dict[str, Any]
    errors: np.ndarray
    train_codes: np.ndarray
    test_codes: np.ndarray
    train_bits: np.ndarray | None
    test_bits: np.ndarray | None
    notes: list[str]
    full: bool = False


def evaluate(
    model: Autoencoder,
    dataset: Dataset,
    k: int = K,
    full: bool = False,
    outliers: Outliers | None = None,
    progress: Callable[[str], None] = lambda stage: None,
) -> Evaluation:
    """Measures reconstruction, the code, and what labels say about it beside raw input and PCA.

    Classifiers are fitted on training rows alone, with fixed settings. Numbers are the same at
    every call, except for the times that `full` adds.

    Args:
        model: The autoencoder.
        dataset: The data that it was made for.
        k: Entries looked at for precision and recall; fewer where classes are smaller.
        full: Whether to use all rows for probes and queries, and to measure times.
        outliers: Rows that the reconstruction error should tell from the test rows.
        progress: Is told what is measured next.

    Returns:
        Metrics and arrays.

    Raises:
        ValueError: If the data or the outliers do not fit the model.

    Example:
    >>> evaluate(ae, zoo.datasets.load("digits")).metrics["linear_accuracy"]
    """
    if dataset.x_test.shape[1:] != model.input_shape[1:]:
        raise ValueError(
            f"The model reads rows of the shape {model.input_shape[1:]}; the data set "
            f"{dataset.name} has {dataset.x_test.shape[1:]}"
        )
    if outliers is not None:
        check_outliers(model, outliers)
    progress("codes and reconstructions")
    train_codes = predict(model.encoder, dataset.x_train)
    test_codes = predict(model.encoder, dataset.x_test)
    errors = reconstruction_errors(model, dataset.x_test, test_codes)
    metrics: dict[str, Any] = {
        "test_rows": len(dataset.x_test),
        "reconstruction_error": float(errors.mean()),
        "reconstruction_error_median": float(np.median(errors)),
        "reconstruction_error_worst": float(errors.max()),
        "error_unit": error_unit(model.likelihood),
    }
    train_bits = test_bits = None
    if model.binarize is not None:
        train_bits = predict(model.binarize, train_codes).astype("uint8")
        test_bits = predict(model.binarize, test_codes).astype("uint8")
        bits = test_bits.astype("float32")
        binarized_errors = reconstruction_errors(model, dataset.x_test, bits)
        metrics["binarized_error"] = float(binarized_errors.mean())
        metrics |= bit_statistics(test_codes, test_bits)
    else:
        metrics |= code_statistics(test_codes)
    progress("Jacobian")
    some = evenly_spaced(len(dataset.x_test), sensible_rows(model.code.size))
    norms = jacobian_norms(model, dataset.x_test[some])
    if norms is not None:
        metrics["jacobian_norm"] = float(norms.mean())
    metrics["code_bytes"] = model.code.num_bytes
    metrics["input_bytes"] = _bytes_of_a_row(dataset.x_test)
    metrics["times_smaller"] = metrics["input_bytes"] / metrics["code_bytes"]

    notes: list[str] = []
    codes = {"": Representation(train_codes, test_codes)}
    if train_bits is not None and test_bits is not None:
        codes["_bits"] = Representation(train_bits, test_bits, binary=True)
    comparisons, pca = _comparisons(model, dataset, notes, progress)
    labels = _labels(dataset, full, notes)
    probes = {}
    if labels is not None:
        k = sensible_k(labels.train, k)
        for suffix, representation in {**codes, **comparisons}.items():
            progress(f"probes and retrieval, {suffix.strip('_').replace('_', ' ') or 'code'}")
            probe = fit_probe(representation, labels)
            measured = measure(representation, labels, k, probe)
            if probe is not None:
                probes[suffix] = probe
            metrics |= {name + suffix: value for name, value in measured.items()}
        if "_bits" in codes:
            queries = codes["_bits"].test[labels.queries]
            metrics["by_radius"] = by_radius(
                queries, codes["_bits"].train, labels.test[labels.queries], labels.train
            )
    if isinstance(dataset.x_test, np.ndarray) and dataset.x_test.dtype.kind in "fiu":
        progress("robustness")
        count = len(dataset.x_test) if full else QUERIES
        rows = evenly_spaced(len(dataset.x_test), count)
        metrics["robustness"] = robustness(
            model, dataset, rows, probes.get(""), probes.get("_raw_input")
        )
    if outliers is not None:
        progress("outliers")
        scores = [errors[outliers.is_inlier], _errors(model, outliers.rows)]
        found = {"anomaly_": detection(*scores)}
        if pca is not None:
            features = input_features(model, outliers.rows)
            raw = comparisons["_raw_input"]
            [_, features] = fill_missing(raw.train, features)
            residuals = [_residuals(pca, x) for x in (raw.test[outliers.is_inlier], features)]
            found["anomaly_pca_"] = detection(*residuals)
        metrics["outliers"] = outliers.name
        metrics |= {p + name: value for p, m in found.items() for name, value in m.items()}
        if outliers.trained_on:
            notes.append(
                f"Outliers: {outliers.trained_on:,} training rows are of the same kind, so the "
                "model may have learned them; train on data without them for a fair test."
            )
    if full and "_raw_input" in comparisons:
        progress("speed")
        searched, binary = (train_codes, False) if train_bits is None else (train_bits, True)
        features = comparisons["_raw_input"].train
        metrics |= speed(model, dataset.x_train, features, searched, binary)
    arrays = (errors, train_codes, test_codes, train_bits, test_bits)
    return Evaluation(metrics, *arrays, notes, full)


def _comparisons(
    model: Autoencoder, dataset: Dataset, notes: list[str], progress: Callable[[str], None]
) -> tuple[dict[str, Representation], Any]:
    """Raw inputs and PCA, which a code must beat."""
    components = int(np.prod(model.preprocessor.output_shape[1:]))
    if components * len(dataset.x_train) * 4 > MAX_FEATURE_BYTES:
        notes.append(f"Raw input and PCA: left out, {components:,} components a row are too many.")
        return {}, None
    progress("PCA")
    parts = (input_features(model, x) for x in (dataset.x_train, dataset.x_test))
    train, test = fill_missing(*parts)
    pca = fit_pca(train, model.code.size)
    return {
        "_raw_input": Representation(train, test),
        "_pca": Representation(pca.transform(train), pca.transform(test)),
    }, pca


def _labels(dataset: Dataset, full: bool, notes: list[str]) -> Labels | None:
    if dataset.y_train is None or dataset.y_test is None:
        return None
    train, test = len(dataset.y_train), len(dataset.y_test)
    labels = Labels(
        dataset.y_train,
        dataset.y_test,
        probe_rows=evenly_spaced(train, train if full else PROBE_ROWS),
        queries=evenly_spaced(test, test if full else QUERIES),
    )
    notes.append(
        f"Probes and retrieval: {len(labels.queries):,} of {test:,} test rows. Linear probe: "
        f"fitted on {len(labels.probe_rows):,} of {train:,} training rows; neighbours: among all "
        "of them. Classifiers saw training rows only."
    )
    return labels


def _errors(model: Autoencoder, x: Any) -> np.ndarray:
    return reconstruction_errors(model, x, predict(model.encoder, x))


def _residuals(pca: Any, x: np.ndarray) -> np.ndarray:
    return ((x - pca.mean_) ** 2).sum(1) - (pca.transform(x) ** 2).sum(1)


def _bytes_of_a_row(x: Any) -> float:
    if x.dtype.kind in "OUS":
        return float(sum(len(str(text).encode()) for text in x.ravel()) / len(x))
    return x.nbytes / len(x) if isinstance(x, SparseRows) else x[0].nbytes
