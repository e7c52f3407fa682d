import numpy as np
import pytest

from zoo.evaluation.representations import (
    Labels,
    Representation,
    fit_pca,
    fit_probe,
    is_of_a_representation,
    measure,
    sensible_k,
    side_by_side,
)


def labels_of(train, test):
    return Labels(train, test, np.arange(len(train)), np.arange(len(test)))


@pytest.mark.parametrize(
    ("rows_of_classes", "k", "expected"),
    [((150, 140, 145), 100, 100), ((27, 27, 27), 100, 20), ((1, 1), 100, 1), ((90, 90), 64, 64)],
)
def test_k_is_what_a_class_can_fill(rows_of_classes, k, expected):
    labels = np.repeat(np.arange(len(rows_of_classes)), rows_of_classes)
    assert sensible_k(labels, k) == expected


def test_a_perfect_representation():
    y = np.arange(40) % 4
    codes = np.eye(4)[y]
    perfect, labels = Representation(codes, codes[:8]), labels_of(y, y[:8])
    measured = measure(perfect, labels, 10, fit_probe(perfect, labels))
    assert measured == pytest.approx(dict.fromkeys(measured, 1))
    assert set(measured) == {
        *("linear_accuracy", "knn_accuracy", "precision_at_10", "recall_at_10"),
        "mean_average_precision",
    }


def test_a_useless_binary_representation_is_chance_exactly():
    y = np.repeat([0, 1, 2, 3], 5)
    same = Representation(np.zeros((20, 8), "uint8"), np.zeros((4, 8), "uint8"), binary=True)
    labels = labels_of(y, np.arange(4))
    measured = measure(same, labels, 5, None)
    assert measured["precision_at_5"] == pytest.approx(0.25)
    assert measured["recall_at_5"] == pytest.approx(0.25)
    assert measured["knn_accuracy"] == 0.25  # equal votes: the smallest label for all
    assert "linear_accuracy" not in measured


def test_queries_of_unknown_labels_have_no_recall():
    y = np.array([0, 0, 1, 1])
    codes = np.array([[0.0], [0], [1], [1]])
    rows = Representation(codes, np.array([[0.0], [5]]))
    measured = measure(rows, labels_of(y, np.array([0, 9])), 2, None)
    assert measured["precision_at_2"] == 0.5
    assert measured["recall_at_2"] == 1


def test_one_class_has_no_probe():
    codes = np.random.default_rng(0).normal(size=(9, 2))
    zeros = np.zeros(9, int)
    assert fit_probe(Representation(codes, codes), labels_of(zeros, zeros)) is None


def test_pca_has_as_many_components_as_there_can_be():
    x = np.random.default_rng(0).normal(size=(30, 6)).astype("float32")
    assert fit_pca(x, 4).n_components_ == 4
    assert fit_pca(x, 100).n_components_ == 6


def test_side_by_side():
    metrics = {
        "reconstruction_error": 1.0,
        "knn_accuracy": 0.8,
        "knn_accuracy_raw_input": 0.9,
        "linear_accuracy": 0.7,
    }
    assert side_by_side(metrics) == [
        {"representation": "code", "knn accuracy": 0.8, "linear accuracy": 0.7},
        {"representation": "raw input", "knn accuracy": 0.9, "linear accuracy": ""},
    ]
    alone = [name for name in metrics if not is_of_a_representation(name, metrics)]
    assert alone == ["reconstruction_error"]
    assert side_by_side({"reconstruction_error": 1.0}) == []
