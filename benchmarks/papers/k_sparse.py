"""k-Sparse Autoencoders (Makhzani & Frey 2013), table of unsupervised features on MNIST.

    python -m benchmarks.papers.k_sparse --data-dir FOLDER_WITH_mnist.npz [--rows "k = 25" ...]

Takes about an hour on 2 cores. Trains autoencoders of one layer of 1,000 units on the 60,000
training images without labels (tied weights and squared error, as in the paper) and reports the
test error of multinomial logistic regression on their codes, beside the figures of the paper,
which are quoted from memory; and 2,000 units that win for their share of the batch under a
linear SVM, from the paper on winner-take-all autoencoders (2015). The regularisation of the
classifier is chosen on training rows held out; nothing is chosen on test labels. Writes
benchmarks/results/k_sparse.json.
"""

import argparse

import keras
import numpy as np

import zoo
import zoo.registry
from benchmarks.papers import mnist

UNITS = 1000
MASKING = {"corruption": "masking", "corruption_level": 0.3}


@zoo.registry.variant("dropout", kind="real", source="Hinton et al. 2012")
def dropout(plan, rate=0.5):
    """Rectified units, half of which are dropped at random before the decoder."""
    features = plan.backbone.encode(plan.encoder_input)
    code = keras.layers.Dense(plan.code_dim, "relu", name="code")(features)
    return plan.autoencoder(code, decoder_input=keras.layers.Dropout(rate)(code))


# What the paper found; variant and options. Codes keep 3 k units, which classify better than k.
ROWS = {
    "plain": (None, "undercomplete", {"activation": "relu"}),
    "denoising": (1.95, "denoising", {"activation": "relu", **MASKING}),
    "dropout": (1.80, "dropout", {}),
    "dropout + denoising": (1.60, "dropout", MASKING),
    "k = 40": (1.54, "k-sparse", {"k": 40, "alpha": 3.0}),
    "k = 25": (1.35, "k-sparse", {"k": 25, "alpha": 3.0}),
    "k = 10": (2.10, "k-sparse", {"k": 10, "alpha": 3.0}),
    "winner-take-all 5 %, 2000 units, SVM": (1.20, "winner-take-all", {"rate": 0.05}),
}


def main():
    """Measures the rows and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data-dir", help="folder with mnist.npz; else it is downloaded")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", nargs="*", choices=["raw pixels", *ROWS], help="all by default")
    arguments = parser.parse_args()
    settings = {"units": UNITS, "epochs": arguments.epochs, "seed": arguments.seed}
    train, validation, (x_test, y_test) = mnist.load(arguments.data_dir)
    x, y = (np.concatenate(parts) for parts in zip(train, validation, strict=True))

    def report(name, error, paper):
        print(f"{name:40} {error:.2f}  {paper or '':4}", flush=True)
        mnist.write("k_sparse", {name: {"error": error, "paper": paper}}, settings)

    for name in arguments.rows or ["raw pixels", *ROWS]:
        if name == "raw pixels":
            report(name, mnist.linear_error(x, y, x_test, y_test), 7.20)
            continue
        paper, variant, options = ROWS[name]
        svm = "SVM" in name
        if variant == "k-sparse":
            options["training_steps"] = len(x) // 128 * arguments.epochs
        keras.utils.set_random_seed(arguments.seed)
        ae = zoo.create(
            variant,
            (784,),
            2 * UNITS if svm else UNITS,
            hidden=(),
            tied=True,
            likelihood="gaussian",
            **options,
        )
        mnist.train(ae, x, arguments.epochs, arguments.seed)
        codes, test_codes = (mnist.features(ae.encoder, part) for part in (x, x_test))
        report(name, mnist.linear_error(codes, y, test_codes, y_test, svm), paper)
        keras.backend.clear_session()
    mnist.write("k_sparse", {"RBM (paper alone)": {"error": None, "paper": 1.81}}, settings)


if __name__ == "__main__":
    main()
