import numpy as np
import pytest

import zoo.datasets
from zoo.datasets import Dataset
from zoo.evaluation.anomalies import check_outliers, detection, find_outliers

X = np.arange(24, dtype="uint8").reshape(12, 2)
Y = np.arange(12) % 3
DATASET = Dataset("some", X, X, Y, Y)


def test_detection_counts_equal_scores_half():
    scores, strange = np.array([0.0, 1, 1, 2]), np.array([1.0, 3])
    pairs = np.sign(strange[:, None] - scores)
    measured = detection(scores, strange)
    assert measured["roc_auc"] == pytest.approx((pairs + 1).mean() / 2)
    # 3 and 2 come first, then one outlier at place 3, 4 or 5.
    expected = (1 + np.mean([2 / 3, 2 / 4, 2 / 5])) / 2
    assert measured["average_precision"] == pytest.approx(expected)


def test_constant_scores_are_worth_nothing():
    measured = detection(np.ones(30), np.ones(10))
    assert measured["roc_auc"] == 0.5


def test_outliers_by_label():
    outliers = find_outliers("0, 2", DATASET)
    np.testing.assert_array_equal(outliers.rows, X[Y != 1])
    np.testing.assert_array_equal(outliers.is_inlier, Y == 1)
    assert outliers.trained_on == 8


def test_outliers_by_the_name_of_a_label():
    named = Dataset("some", X, X, Y, Y, label_names=("boot", "bag", "shirt"))
    by_name, by_number = find_outliers("boot,shirt", named), find_outliers("0,2", named)
    np.testing.assert_array_equal(by_name.rows, by_number.rows)


def test_outliers_that_training_did_not_see():
    held_out = Dataset("some", X[Y != 2], X, Y[Y != 2], Y)
    assert find_outliers("2", held_out).trained_on == 0


def test_outliers_from_a_file(tmp_path):
    np.savez(tmp_path / "other.npz", x_train=X, x_test=X[:5] + 100)
    for source, data_dir in ((str(tmp_path / "other.npz"), None), ("other", tmp_path)):
        outliers = find_outliers(source, DATASET, data_dir)
        np.testing.assert_array_equal(outliers.rows, X[:5] + 100)
        assert outliers.is_inlier.all()
        assert outliers.trained_on == 0


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("7", "No test row of some has the label 7; there are 0, 1, 2"),
        ("", "labels with commas between, .* Received: outliers=''"),
        ("--3", "no data set '--3'"),
        ("0,1,2", "Some test rows must be no outliers"),
        ("digits", r"rows of the shape \(2,\), as in some. Received: digits with \(8, 8, 1\)"),
    ],
)
def test_bad_outliers(source, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        find_outliers(source, DATASET)


def test_outliers_of_another_dtype(tmp_path):
    np.save(tmp_path / "x.npy", X.astype("float64"))
    with pytest.raises(ValueError, match="dtype uint8"):
        find_outliers(str(tmp_path / "x.npy"), DATASET)


def test_a_file_is_read_as_the_data_set_was(tmp_path):
    (tmp_path / "t.csv").write_text("a,b,y\n1,2,u\n3,4,v\n")
    data = zoo.datasets.load(tmp_path / "t.csv", label="y")
    found = find_outliers(str(tmp_path / "t.csv"), data, reading={"label": "y"})
    assert found.rows.shape == (1, 2)
    with pytest.raises(ValueError, match=r"rows of the shape \(2,\)"):
        find_outliers(str(tmp_path / "t.csv"), data)


def test_labels_are_needed():
    with pytest.raises(ValueError, match="no single labels to choose outliers by"):
        find_outliers("0", Dataset("bare", X, X))


def test_a_model_of_another_shape():
    import types

    model = types.SimpleNamespace(input_shape=(None, 3))
    with pytest.raises(ValueError, match=r"shape \(3,\). Received: outliers of the shape \(2,\)"):
        check_outliers(model, find_outliers("1", DATASET))
