"""What the MNIST tables share: the data, and a classifier on unsupervised features."""

import json
import pathlib

import keras
import numpy as np
import sklearn.linear_model
import sklearn.preprocessing
import tensorflow as tf

import zoo.datasets
from benchmarks.machine import describe

RESULTS = pathlib.Path(__file__).parents[1] / "results"
VALIDATION = 10_000
STRENGTHS = (0.03, 0.3, 3.0)


def load(data_dir):
    """Images as rows in [0, 1] and labels: ((x, y) train, (x, y) test)."""
    data = zoo.datasets.load("mnist", data_dir)
    rows = [x.reshape(len(x), -1) / np.float32(255) for x in (data.x_train, data.x_test)]
    return (rows[0], data.y_train), (rows[1], data.y_test)


def features(encoder, x, batch=2000):
    """Codes of all rows."""
    return np.concatenate([np.asarray(encoder(x[i : i + batch])) for i in range(0, len(x), batch)])


def logistic_error(train, labels, test, test_labels):
    """Test error, in percent, of multinomial logistic regression on features.

    The strength of the regularisation is chosen on the last 10,000 training rows, with the
    classifier fitted to 20,000 others; the final classifier is fitted to all training rows.
    """
    scale = train.std() + 1e-8  # one number: the geometry of the features stays
    train, test = train / scale, test / scale

    def fit(strength, rows):
        classifier = sklearn.linear_model.LogisticRegression(C=strength, max_iter=100, tol=1e-3)
        return classifier.fit(train[rows], labels[rows])

    some, held_out = slice(0, 20_000), slice(-VALIDATION, None)
    best = max(
        STRENGTHS, key=lambda strength: fit(strength, some).score(train[held_out], labels[held_out])
    )
    return 100 * (1 - fit(best, slice(None)).score(test, test_labels)), best


def write(name, rows, **settings):
    """Writes the results file, and prints its table."""
    result = {
        "command": f"python -m benchmarks.papers.{name}",
        "machine": describe(tf, keras, np),
        "settings": settings,
        "rows": rows,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n")
    for row in rows:
        print(
            "  ".join(
                f"{value:.2f}" if isinstance(value, float) else f"{value!s:34}"
                for value in row.values()
            )
        )
