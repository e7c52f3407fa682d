"""Contractive Auto-Encoders (Rifai et al. 2011), table of fine-tuned one-layer models on MNIST.

    python -m benchmarks.papers.contractive --data-dir FOLDER_WITH_mnist.npz [--rows CAE ...]

Takes about 30 minutes on one core. Trains autoencoders of one sigmoid layer of 1,000 units with
tied weights on 50,000 training images without labels, measures how strongly their codes react
to their inputs and how many units are saturated, then adds a softmax layer and fine-tunes with
labels; the contractive one also with a part of pixels and units hidden meanwhile, which the paper
did not do. The epoch whose weights are kept is chosen on the last 10,000 training images, and
nothing on test labels. The paper's figures are quoted from memory. Writes
benchmarks/results/contractive.json.
"""

import argparse

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
    "CAE, pixels and units hidden in fine-tuning": (
        (1.14, 0.73e-4, 0.86),
        "contractive",
        {"weight": 0.1},
    ),
}
# With parts hidden the network takes longer to learn.
HIDING = {"fine_tuning_epochs": 50, "fine_tuning_masking": 0.2, "fine_tuning_dropout": 0.5}


def main():
    """Measures the rows and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data-dir", help="folder with mnist.npz; else it is downloaded")
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--learning-rate", type=float, default=5e-3)
    parser.add_argument("--fine-tuning-epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", nargs="*", choices=[*ROWS], help="all by default")
    mnist.add_validate(parser)
    arguments = parser.parse_args()
    settings = {"units": UNITS, **vars(arguments)}
    del settings["data_dir"], settings["rows"], settings["validate"]
    train, validation, test = mnist.load(arguments.data_dir)
    test = None if arguments.validate else test
    for name in arguments.rows or ROWS:
        (error, norm, saturated), variant, options = ROWS[name]
        keras.utils.set_random_seed(arguments.seed)
        ae = zoo.create(
            variant, (784,), UNITS, hidden=(), activation="sigmoid", tied=True, **options
        )
        mnist.train(
            ae, train[0], arguments.epochs, arguments.seed, learning_rate=arguments.learning_rate
        )
        own = HIDING if "hidden" in name else {}
        how = settings | own
        norms = jacobian_norms(ae, validation[0][:JACOBIAN_ROWS])
        codes = mnist.features(ae.encoder, validation[0])
        validation_error, test_error = mnist.fine_tune(
            ae.encoder,
            train,
            validation,
            test,
            how["fine_tuning_epochs"],
            arguments.seed,
            masking=how.get("fine_tuning_masking", 0.0),
            dropout=how.get("fine_tuning_dropout", 0.0),
        )
        row = {
            "error": test_error,
            "paper": error,
            "validation_error": validation_error,
            # On the paper's scale: the mean of the squares of all entries of the matrix.
            "jacobian": float(np.mean(norms**2) / (UNITS * 784)),
            "paper_jacobian": norm,
            "saturated": float(np.mean((codes < 0.05) | (codes > 0.95))),
            "paper_saturated": saturated,
        }
        if own:
            row["settings"] = how
        print(name, row, flush=True)
        if not arguments.validate:
            mnist.write("contractive", {name: row}, settings)
        keras.backend.clear_session()
    if not arguments.validate:
        mnist.write("contractive", {"RBM (paper alone)": {"error": None, "paper": 1.30}}, settings)


if __name__ == "__main__":
    main()
