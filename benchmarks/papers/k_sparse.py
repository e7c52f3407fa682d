"""k-Sparse Autoencoders (Makhzani & Frey 2013), table of unsupervised features on MNIST.

    python -m benchmarks.papers.k_sparse --data-dir FOLDER_WITH_mnist.npz [--epochs 50]

Takes about 45 minutes on 2 cores. Trains autoencoders of one layer of 1,000 units on the 60,000
training images without labels (Adam, batches of 128) and reports the test error of multinomial
logistic regression on their codes, beside the figures of the paper, which are quoted from memory.
The regularisation of the classifier is chosen on training rows held out; nothing is chosen on
test labels. Writes benchmarks/results/k_sparse.json.
"""

import argparse
import dataclasses

import keras

import zoo
import zoo.datasets
from benchmarks.papers import mnist

UNITS, BATCH = 1000, 128


@dataclasses.dataclass
class Row:
    """One line of the table: how the model is made, and what the paper found."""

    name: str
    variant: str
    paper: float | None
    options: dict = dataclasses.field(default_factory=dict)


def k_sparse(k, paper):
    """K units reconstruct; codes have 3 k, which classify better (the paper's alpha)."""
    return Row(f"k-sparse, k = {k}", "k-sparse", paper, {"k": k, "alpha": 3.0})


MASKING = {"corruption": "masking", "corruption_level": 0.3}
ROWS = (
    Row("undercomplete (plain, rectified)", "undercomplete", None, {"activation": "relu"}),
    Row("denoising (masking)", "denoising", 1.95, {"activation": "relu", **MASKING}),
    k_sparse(40, 1.54),
    k_sparse(25, 1.35),
    k_sparse(10, 2.10),
    Row("winner-take-all, 5 %", "winner-take-all", None, {"rate": 0.05}),
)
FROM_THE_PAPER_ONLY = {"RBM": 1.81, "dropout": 1.80, "dropout + denoising": 1.60}


def train(row, x, epochs, seed):
    """An autoencoder that has seen no label."""
    keras.utils.set_random_seed(seed)
    steps = len(x) // BATCH
    options = dict(row.options)
    if row.variant == "k-sparse":
        options["annealing_steps"] = steps * epochs // 2
    ae = zoo.create(row.variant, (x.shape[1],), UNITS, hidden=(), **options)
    ae.compile(optimizer=keras.optimizers.Adam(1e-3), steps_per_execution=16)
    batches = zoo.datasets.shuffled_batches(x, BATCH, seed)
    ae.fit(batches, steps_per_epoch=steps, epochs=epochs, shuffle=False, verbose=0)
    return ae


def main():
    """Measures the rows and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data-dir", help="folder with mnist.npz; else it is downloaded")
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    (x, y), (x_test, y_test) = mnist.load(arguments.data_dir)
    error, strength = mnist.logistic_error(x, y, x_test, y_test)
    rows = [{"row": "raw pixels", "error": error, "paper": 7.20, "C": strength}]
    print(rows[-1], flush=True)
    for row in ROWS:
        ae = train(row, x, arguments.epochs, arguments.seed)
        codes, test_codes = (mnist.features(ae.encoder, part) for part in (x, x_test))
        error, strength = mnist.logistic_error(codes, y, test_codes, y_test)
        rows.append({"row": row.name, "error": error, "paper": row.paper, "C": strength})
        print(rows[-1], flush=True)
        keras.backend.clear_session()
    rows += [
        {"row": n, "error": None, "paper": e, "C": None} for n, e in FROM_THE_PAPER_ONLY.items()
    ]
    mnist.write("k_sparse", rows, epochs=arguments.epochs, seed=arguments.seed, units=UNITS)


if __name__ == "__main__":
    main()
