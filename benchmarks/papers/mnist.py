"""What the MNIST tables share: the data, training, classifiers on features, and results files."""

import json
import pathlib

import keras
import numpy as np
import tensorflow as tf

import zoo.datasets
from benchmarks.machine import describe

RESULTS = pathlib.Path(__file__).parents[1] / "results"
VALIDATION = 10_000
WEIGHT_DECAYS = {"softmax": (1e-4, 3e-4, 1e-3), "svm": (5e-5, 3e-4, 1e-3, 5e-3, 2e-2)}


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


def adam(learning_rate, steps):
    """Adam, whose rate falls to zero along a cosine."""
    return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(learning_rate, steps))


def best_epoch(accuracy, epochs):
    """Gives a model the weights of its best epoch by an accuracy, at the end of all."""
    return keras.callbacks.EarlyStopping(
        accuracy, patience=epochs, restore_best_weights=True, mode="max"
    )


def train(ae, x, epochs, seed, batch=128, learning_rate=1e-3):
    """Trains without labels: Adam, whose rate falls to zero along a cosine."""
    steps = len(x) // batch
    ae.compile(optimizer=adam(learning_rate, epochs * steps), steps_per_execution=16)
    batches = zoo.datasets.shuffled_batches(x, batch, seed)
    ae.fit(batches, steps_per_epoch=steps, epochs=epochs, shuffle=False, verbose=0)
    return ae


def features(encoder, x, batch=500):
    """Codes of all rows."""
    return np.concatenate([np.asarray(encoder(x[i : i + batch])) for i in range(0, len(x), batch)])


def centring(x):
    """A layer that takes the mean image away.

    With pixels as they are, units that agree with the mean image win always and others never.
    """
    return keras.layers.Normalization(mean=x.mean(axis=0), variance=np.ones(x.shape[1]))


def linear_errors(train, validation, test, svm=False):
    """(Validation, test) error, in percent, of logistic regression or a linear SVM on features.

    The weight decay is chosen on validation rows; the final classifier learns from them too.
    """
    both = tuple(np.concatenate(parts) for parts in zip(train, validation, strict=True))
    errors = {
        weight_decay: linear_error(train, validation, weight_decay, svm)
        for weight_decay in WEIGHT_DECAYS["svm" if svm else "softmax"]
    }
    best = min(errors, key=errors.get)
    return errors[best], test and linear_error(both, test, best, svm)


def linear_error(train, test, weight_decay, svm=False, epochs=15, batch=200):
    """Error in percent of a linear classifier, fitted by Adam, whose rate falls along a cosine.

    The SVM has squared hinge loss, one class against the others.
    """
    (x, y), (x_test, y_test) = train, test
    mean, scale = x.mean(axis=0), x.std() + 1e-8  # one scale: the geometry of the features stays
    keras.utils.set_random_seed(0)
    classifier = keras.Sequential(
        [
            keras.Input(x.shape[1:]),
            keras.layers.Normalization(mean=mean, variance=np.full(x.shape[1], scale**2)),
            keras.layers.Dense(
                10,
                kernel_initializer="zeros",
                kernel_regularizer=keras.regularizers.L2(weight_decay / 2),
            ),
        ]
    )
    classifier.compile(
        optimizer=adam(2e-3, epochs * (len(x) // batch)),
        loss="squared_hinge" if svm else keras.losses.CategoricalCrossentropy(from_logits=True),
        steps_per_execution=50,
    )
    targets = np.eye(10, dtype="float32")[y]
    classifier.fit(x, 2 * targets - 1 if svm else targets, batch, epochs, verbose=0)
    return error(classifier, x_test, y_test)


def error(classifier, x, y):
    """Share of rows that a classifier takes for another class, in percent."""
    found = classifier.predict(x, batch_size=500, verbose=0).argmax(axis=1)
    return 100 * float(np.mean(found != y))


def fine_tune(encoder, train, validation, test, epochs, seed, learning_rate=3e-3):
    """Adds a softmax layer, trains with labels: (validation, test) error in percent.

    The weights are those of the epoch with the least validation error. Without test rows (None)
    their error is None.
    """
    keras.utils.set_random_seed(seed)
    classifier = keras.Sequential(
        [keras.Input(encoder.input_shape[1:]), encoder, keras.layers.Dense(10)]
    )
    classifier.compile(
        optimizer=adam(learning_rate, epochs * (len(train[0]) // 128)),
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
        callbacks=[best_epoch("val_accuracy", epochs)],
    )
    parts = validation, test
    return tuple(part and 100 * (1 - classifier.evaluate(*part, verbose=0)[1]) for part in parts)


def add_validate(parser):
    """Gives a command the option to look at validation rows alone."""
    parser.add_argument(
        "--validate", action="store_true", help="leave test rows alone and write nothing"
    )


def write(name, rows, settings):
    """Writes the results file; rows not measured now stay, with their settings if those differ."""
    result = {
        "command": f"python -m benchmarks.papers.{name}",
        "machine": describe(tf, keras, np),
        "settings": settings,
        "rows": _rows_before(name, settings) | rows,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n")


def write_seed(name, row, published, seed, measured, settings):
    """Writes what was measured with a seed beside other seeds' with these settings, and means."""
    before = _rows_before(name, settings).get(row, {})
    seeds = {} if "settings" in before else before.get("seeds", {})
    seeds = dict(sorted((seeds | {str(seed): measured}).items(), key=lambda item: int(item[0])))
    values = {key: [one[key] for one in seeds.values()] for key in measured}
    summary = {key: float(np.mean(found)) for key, found in values.items()}
    summary["error_std"] = float(np.std(values["error"]))
    write(name, {row: published | summary | {"seeds": seeds}}, settings)


def _rows_before(name, settings):
    """The rows of a results file; those that were measured otherwise say how."""
    path = RESULTS / f"{name}.json"
    if not path.exists():
        return {}
    result = json.loads(path.read_text())
    rows = {}
    for row, values in result["rows"].items():
        old = values.pop("settings", result["settings"])
        rows[row] = values if old == settings else values | {"settings": old}
    return rows
