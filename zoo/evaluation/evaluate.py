"""Measures a model on the test rows of a data set."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import numpy as np

from zoo.autoencoder import Autoencoder
from zoo.datasets import Dataset
from zoo.evaluation.code_statistics import bit_statistics, code_statistics
from zoo.evaluation.retrieval import mean_precision_at_k

K = 100
QUERIES = 1000
BATCH = 1000


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What was measured, and the arrays that pictures are drawn from.

    Args:
        metrics: Names to numbers.
        reconstructions: Of the test rows.
        train_codes: Clean codes of the training rows `[n, size]`.
        test_codes: Clean codes of the test rows `[m, size]`.
        train_bits: The same as bits, or `None` for codes that are not binary.
        test_bits: See `train_bits`.
    """

    metrics: dict[str, Any]
    reconstructions: np.ndarray
    train_codes: np.ndarray
    test_codes: np.ndarray
    train_bits: np.ndarray | None
    test_bits: np.ndarray | None


def evaluate(model: Autoencoder, dataset: Dataset, k: int = K) -> Evaluation:
    """Measures reconstruction, use of the code and, where there are labels, retrieval.

    Retrieval takes up to 1,000 evenly spaced test rows as queries against all training rows;
    relevant is what has the query's label. Raw inputs are measured beside the codes.

    Args:
        model: The autoencoder.
        dataset: The data that it was made for.
        k: Entries looked at for precision at k; at most all training rows.

    Returns:
        Metrics and arrays.

    Raises:
        ValueError: If the data does not fit the model.
    """
    if dataset.x_test.shape[1:] != model.input_shape[1:]:
        raise ValueError(
            f"The model reads rows of the shape {model.input_shape[1:]}; the data set "
            f"{dataset.name} has {dataset.x_test.shape[1:]}"
        )
    train_codes = _predict(model.encoder, dataset.x_train)
    test_codes = _predict(model.encoder, dataset.x_test)
    reconstructions = _predict(model.decoder, test_codes)
    metrics: dict[str, Any] = {
        "test_rows": len(dataset.x_test),
        "reconstruction_error": _error(model, dataset.x_test, reconstructions),
    }
    train_bits = test_bits = None
    if model.binarize is not None:
        train_bits = _predict(model.binarize, train_codes).astype("uint8")
        test_bits = _predict(model.binarize, test_codes).astype("uint8")
        through_bits = _predict(model.decoder, test_bits.astype("float32"))
        metrics["binarized_error"] = _error(model, dataset.x_test, through_bits)
        metrics |= bit_statistics(test_codes, test_bits)
    else:
        metrics |= code_statistics(test_codes)
    metrics["code_bytes"] = model.code.num_bytes
    metrics["input_bytes"] = dataset.x_test[0].nbytes
    if dataset.y_train is not None and dataset.y_test is not None:
        k = min(k, len(train_codes))
        some = np.linspace(0, len(test_codes) - 1, min(QUERIES, len(test_codes))).astype(int)
        raw = [x.reshape(len(x), -1) for x in (dataset.x_test[some], dataset.x_train)]
        compared = {"": (test_codes[some], train_codes), "_raw_input": raw}
        if train_bits is not None and test_bits is not None:
            compared["_bits"] = (test_bits[some], train_bits)
        for name, (queries, database) in compared.items():
            metrics[f"precision_at_{k}{name}"] = mean_precision_at_k(
                queries, database, dataset.y_test[some], dataset.y_train, k, binary=name == "_bits"
            )
    return Evaluation(metrics, reconstructions, train_codes, test_codes, train_bits, test_bits)


def _predict(model: Any, x: np.ndarray) -> np.ndarray:
    # By hand, for `predict` compiles a function for each model, which takes longer than this.
    parts = [model(x[i : i + BATCH]) for i in range(0, len(x), BATCH)]
    return np.concatenate([keras.ops.convert_to_numpy(part) for part in parts])


def _error(model: Autoencoder, x: np.ndarray, reconstructions: np.ndarray) -> float:
    errors = [
        model.reconstruction_error(x[i : i + BATCH], reconstructions[i : i + BATCH])
        for i in range(0, len(x), BATCH)
    ]
    return float(np.mean(np.concatenate([keras.ops.convert_to_numpy(e) for e in errors])))
