"""Contractive Auto-Encoders (Rifai et al. 2011), table of fine-tuned one-layer models on MNIST.

    python -m benchmarks.papers.contractive --data-dir FOLDER_WITH_mnist.npz [--rows CAE ...]
        [--seeds 0 ...]

Takes about 35 minutes on one core for each of three seeds, whose mean counts. Trains autoencoders
of one sigmoid layer of 1,000 units with tied weights on 50,000 training images without labels,
measures how strongly their codes react to their inputs and how many units are saturated, then adds
a softmax layer and fine-tunes with labels. As the paper does not, every row keeps the loss of its
autoencoder meanwhile, and labels are smoothed. The epoch whose weights are kept is chosen on the
last 10,000 training images, and nothing on test labels. The paper's figures are quoted from memory.
Writes benchmarks/results/contractive.json.
"""

import argparse
import itertools

import keras
import numpy as np

import zoo
from benchmarks.papers import mnist
from zoo.evaluation.jacobian import jacobian_norms

UNITS = 1000
JACOBIAN_ROWS = 200

# Error, squared Jacobian norm and saturated share in the paper; variant and options.
ROWS = {
    "AE": ((1.78, 17.5e-4, 0.50), "undercomplete", {}),
    "AE + weight decay": ((1.68, None, None), "undercomplete", {"weight_decay": 1e-5}),
    "DAE-b (masking 25 %)": (
        (1.57, None, None),
        "denoising",
        {"corruption": "masking", "corruption_level": 0.25},
    ),
    "DAE-g (Gaussian 0.5)": (
        (1.18, None, None),
        "denoising",
        {"corruption": "gaussian", "corruption_level": 0.5},
    ),
    "CAE": ((1.14, 0.73e-4, 0.86), "contractive", {"weight": 0.1}),
}


def main():
    """Measures the rows and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data-dir", help="folder with mnist.npz; else it is downloaded")
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--learning-rate", type=float, default=5e-3)
    parser.add_argument("--fine-tuning-epochs", type=int, default=20)
    parser.add_argument("--label-smoothing", type=float, default=0.1)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--rows", nargs="*", choices=[*ROWS], help="all by default")
    mnist.add_validate(parser)
    arguments = parser.parse_args()
    settings = {"units": UNITS, **vars(arguments)}
    for key in ("data_dir", "rows", "seeds", "validate"):
        del settings[key]
    train, validation, test = mnist.load(arguments.data_dir)
    test = None if arguments.validate else test
    for seed, name in itertools.product(arguments.seeds, arguments.rows or ROWS):
        (error, norm, saturated), variant, options = ROWS[name]
        keras.utils.set_random_seed(seed)
        ae = zoo.create(
            variant, (784,), UNITS, hidden=(), activation="sigmoid", tied=True, **options
        )
        mnist.train(ae, train[0], arguments.epochs, seed, learning_rate=arguments.learning_rate)
        norms = jacobian_norms(ae, validation[0][:JACOBIAN_ROWS])
        codes = mnist.features(ae.encoder, validation[0])
        validation_error, test_error = fine_tune(
            ae,
            train,
            validation,
            test,
            arguments.fine_tuning_epochs,
            arguments.label_smoothing,
            seed,
        )
        measured = {
            "error": test_error,
            "validation_error": validation_error,
            # On the paper's scale: the mean of the squares of all entries of the matrix.
            "jacobian": float(np.mean(norms**2) / (UNITS * 784)),
            "saturated": float(np.mean((codes < 0.05) | (codes > 0.95))),
        }
        print(f"{name}, seed {seed}: {measured}", flush=True)
        if not arguments.validate:
            published = {"paper": error, "paper_jacobian": norm, "paper_saturated": saturated}
            mnist.write_seed("contractive", name, published, seed, measured, settings)
        keras.backend.clear_session()
    if not arguments.validate:
        mnist.write("contractive", {"RBM (paper alone)": {"error": None, "paper": 1.30}}, settings)


def fine_tune(ae, train, validation, test, epochs, smoothing, seed, batch=128, learning_rate=3e-3):
    """Adds a softmax layer, trains with labels: (validation, test) error in percent.

    The loss is the autoencoder's own, corruption and penalties included, and the cross-entropy of
    smoothed labels. The weights are those of the epoch with the least validation error. Without
    test rows (None) their error is None.
    """
    keras.utils.set_random_seed(seed)
    inputs = keras.Input(ae.input_shape[1:])
    classes = keras.layers.Dense(10, name="classes")(ae.encoder(inputs))
    model = keras.Model(inputs, {"classes": classes, "reconstruction": ae(inputs)})
    model.compile(
        optimizer=mnist.adam(learning_rate, epochs * (len(train[0]) // batch)),
        loss={
            "classes": keras.losses.CategoricalCrossentropy(
                from_logits=True, label_smoothing=smoothing
            ),
            "reconstruction": "binary_crossentropy",
        },
        metrics={"classes": "accuracy"},
        steps_per_execution=15,
    )
    model.fit(
        train[0],
        _targets(*train),
        batch,
        epochs,
        verbose=0,
        validation_data=(validation[0], _targets(*validation)),
        callbacks=[mnist.best_epoch("val_classes_accuracy", epochs)],
    )
    classifier = keras.Model(inputs, classes)
    return tuple(part and mnist.error(classifier, *part) for part in (validation, test))


def _targets(x, y):
    return {"classes": np.eye(10, dtype="float32")[y], "reconstruction": x}


if __name__ == "__main__":
    main()
