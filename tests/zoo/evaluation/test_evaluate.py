import importlib
import json

import keras
import numpy as np
import pytest

import zoo
import zoo.datasets
from zoo.datasets import Dataset
from zoo.evaluation import evaluate
from zoo.evaluation.anomalies import find_outliers

# The package gives the function's name to the module's.
MODULE = importlib.import_module("zoo.evaluation.evaluate")


@pytest.fixture(scope="module")
def digits():
    whole = zoo.datasets.load("digits")
    rows, test = slice(0, 300), slice(0, 90)
    return Dataset(
        "few", whole.x_train[rows], whole.x_test[test], whole.y_train[rows], whole.y_test[test]
    )


@pytest.fixture(scope="module")
def ae():
    keras.utils.set_random_seed(0)
    return zoo.create(
        "semantic-hash",
        input_shape=(8, 8, 1),
        code_dim=6,
        preprocessing=keras.layers.Rescaling(1 / 255),
        input_dtype="uint8",
        hidden=[16],
    )


def test_everything_is_measured(ae, digits):
    evaluation = evaluate(ae, digits, full=True, outliers=find_outliers("3", digits))
    metrics = evaluation.metrics
    for measure in ("linear_accuracy", "knn_accuracy", "precision_at_20", "mean_average_precision"):
        for suffix in ("", "_bits", "_raw_input", "_pca"):
            assert 0 < metrics[measure + suffix] <= 1
    assert metrics["jacobian_norm"] > 0
    assert metrics["times_smaller"] == 64
    assert metrics["search_milliseconds"] > 0
    assert 0 <= metrics["anomaly_roc_auc"] <= 1
    assert 0 <= metrics["anomaly_pca_roc_auc"] <= 1
    assert any("training rows are of the same kind" in note for note in evaluation.notes)
    assert metrics["by_radius"][-1]["recall"] == 1
    json.dumps(metrics, allow_nan=False)


def test_errors_are_those_of_the_rows(ae, digits):
    evaluation = evaluate(ae, digits)
    expected = ae.reconstruction_error(digits.x_test, ae(digits.x_test)).numpy()
    np.testing.assert_allclose(evaluation.errors, expected, rtol=1e-5)
    assert evaluation.metrics["reconstruction_error_worst"] == pytest.approx(expected.max())
    assert evaluation.metrics["reconstruction_error_median"] == pytest.approx(np.median(expected))


def test_progress_and_subsampling_are_told(ae, digits, monkeypatch):
    monkeypatch.setattr(MODULE, "QUERIES", 40)
    monkeypatch.setattr(MODULE, "PROBE_ROWS", 200)
    stages = []
    notes = evaluate(ae, digits, progress=stages.append).notes
    assert "probes and retrieval, raw input" in stages
    assert "40 of 90 test rows" in notes[0]
    assert "fitted on 200 of 300" in notes[0]


def test_only_training_rows_are_learned_from(ae, digits):
    """Shuffling the test labels leaves nothing to see: no probe can have learned them."""
    shuffled = np.random.default_rng(0).permutation(digits.y_test)
    lying = Dataset("lying", digits.x_train, digits.x_test, digits.y_train, shuffled)
    assert evaluate(ae, lying).metrics["linear_accuracy_raw_input"] < 0.3


def test_real_codes_of_vectors_without_labels():
    x = np.random.default_rng(0).normal(size=(120, 4)).astype("float32")
    ae = zoo.create("undercomplete", input_shape=(4,), code_dim=2, likelihood="gaussian")
    metrics = evaluate(ae, Dataset("bare", x[:100], x[100:])).metrics
    assert "linear_accuracy" not in metrics
    assert "by_radius" not in metrics
    assert "linear_accuracy" not in metrics["robustness"][0]
    json.dumps(metrics, allow_nan=False)


def test_labels_of_the_test_rows_alone_are_not_enough(ae, digits):
    half = Dataset("half", digits.x_train, digits.x_test, None, digits.y_test)
    assert "knn_accuracy" not in evaluate(ae, half).metrics


def test_raw_inputs_that_are_too_large_are_left_out(ae, digits, monkeypatch):
    monkeypatch.setattr(MODULE, "MAX_FEATURE_BYTES", 1000)
    evaluation = evaluate(ae, digits)
    assert "knn_accuracy" in evaluation.metrics
    assert "knn_accuracy_raw_input" not in evaluation.metrics
    assert "left out, 64 components" in evaluation.notes[0]


def test_half_precision_is_measured_in_float32(digits):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        ae = zoo.create("undercomplete", input_shape=(64,), code_dim=3, hidden=[8])
    finally:
        keras.config.set_dtype_policy("float32")
    x = (digits.x_train.reshape(len(digits.x_train), 64) / 255).astype("float32")
    evaluation = evaluate(ae, Dataset("unit", x[:200], x[200:]))
    assert evaluation.test_codes.dtype == "float32"
    assert np.isfinite(evaluation.metrics["jacobian_norm"])


def test_data_of_another_shape(ae):
    x = np.zeros((3, 5), "uint8")
    with pytest.raises(ValueError, match="data set wrong has"):
        evaluate(ae, Dataset("wrong", x, x))
