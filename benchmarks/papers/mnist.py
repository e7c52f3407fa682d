"""What the MNIST tables share: the data, training, classifiers on features, and results files."""

import json
import pathlib

import keras
import numpy as np
import sklearn.linear_model
import sklearn.svm
import tensorflow as tf

import zoo.datasets
from benchmarks.machine import describe

RESULTS = pathlib.Path(__file__).parents[1] / "results"
VALIDATION = 10_000
STRENGTHS = (0.03, 0.3, 3.0)


def load(data_dir):
    """Images as rows in [0, 1] and labels: ((x, y) train, (x, y) validation, (x, y) test)."""
    data = zoo.datasets.load("mnist", data_dir)
    x, x_test = (x.reshape(len(x), -1) / np.float32(255) for x in (data.x_train, data.x_test))
    y = data.y_train
    return (
        (x[:-VALIDATION], y[:-VALIDATION]),
        (x[-VALIDATION:], y[-VALIDATION:]),
        (x_test, data.y_test),
    )


def train(ae, x, epochs, seed, batch=128, learning_rate=1e-3):
    """Trains without labels: Adam, whose rate falls to zero along a cosine."""
    steps = len(x) // batch
    rate = keras.optimizers.schedules.CosineDecay(learning_rate, epochs * steps)
    ae.compile(optimizer=keras.optimizers.Adam(rate), steps_per_execution=16)
    batches = zoo.datasets.shuffled_batches(x, batch, seed)
    ae.fit(batches, steps_per_epoch=steps, epochs=epochs, shuffle=False, verbose=0)
    return ae


def features(encoder, x, batch=2000):
    """Codes of all rows."""
    return np.concatenate([np.asarray(encoder(x[i : i + batch])) for i in range(0, len(x), batch)])


def linear_error(x, y, x_test, y_test, svm=False):
    """Test error, in percent, of logistic regression or a linear SVM on features.

    The strength of the regularisation is chosen on the last 10,000 training rows, with the
    classifier fitted to 20,000 others; the final classifier is fitted to all training rows.
    """
    scale = x.std() + 1e-8  # one number: the geometry of the features stays

    def fit(strength, rows):
        if svm:
            classifier = sklearn.svm.LinearSVC(C=strength / 30, dual=False, tol=1e-2)
        else:
            classifier = sklearn.linear_model.LogisticRegression(C=strength, max_iter=100, tol=1e-3)
        return classifier.fit(x[rows] / scale, y[rows])

    def error(classifier, x, y):
        return 100 * (1 - classifier.score(x / scale, y))

    some, held_out = slice(0, 20_000), slice(-VALIDATION, None)
    best = min(STRENGTHS, key=lambda strength: error(fit(strength, some), x[held_out], y[held_out]))
    return error(fit(best, slice(None)), x_test, y_test)


def fine_tune(encoder, train, validation, test, epochs, seed, learning_rate=3e-3):
    """Adds a softmax layer, trains with labels: (validation, test) error in percent.

    The weights are those of the epoch with the least validation error.
    """
    keras.utils.set_random_seed(seed)
    outputs = keras.layers.Dense(10)(encoder.output)
    classifier = keras.Model(encoder.input, outputs)
    steps = len(train[0]) // 128
    rate = keras.optimizers.schedules.CosineDecay(learning_rate, epochs * steps)
    classifier.compile(
        optimizer=keras.optimizers.Adam(rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        steps_per_execution=15,
    )
    classifier.fit(
        *train,
        batch_size=128,
        epochs=epochs,
        validation_data=validation,
        verbose=0,
        callbacks=[
            keras.callbacks.EarlyStopping(
                "val_accuracy", patience=epochs, restore_best_weights=True, mode="max"
            )
        ],
    )
    accuracies = (classifier.evaluate(*part, verbose=0)[1] for part in (validation, test))
    return tuple(100 * (1 - accuracy) for accuracy in accuracies)


def write(name, rows, settings):
    """Writes the results file; rows of an earlier run that were not measured now stay."""
    path = RESULTS / f"{name}.json"
    before = json.loads(path.read_text())["rows"] if path.exists() else {}
    result = {
        "command": f"python -m benchmarks.papers.{name}",
        "machine": describe(tf, keras, np),
        "settings": settings,
        "rows": before | rows,
    }
    RESULTS.mkdir(exist_ok=True)
    path.write_text(json.dumps(result, indent=2) + "\n")
