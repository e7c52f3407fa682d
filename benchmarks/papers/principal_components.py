"""A linear autoencoder spans the space of the principal components (Baldi & Hornik 1989).

    python -m benchmarks.papers.principal_components --data-dir FOLDER_WITH_mnist.npz

Takes 5 minutes on 2 cores. Trains 32 linear units, without tied weights, on the 60,000 training
images of MNIST and compares the space that the decoder spans with that of the first 32 principal
components: the largest principal angle, in radians (aim: under 0.01), and both squared errors.
Writes benchmarks/results/principal_components.json.
"""

import argparse

import keras
import numpy as np
import scipy.linalg

import zoo
import zoo.datasets
from benchmarks.papers import mnist

UNITS = 32


def main():
    """Trains, compares and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data-dir", help="folder with mnist.npz; else it is downloaded")
    parser.add_argument("--steps", type=int, default=8000)
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    settings = {"units": UNITS, **vars(arguments)}
    del settings["data_dir"]
    train, validation, _ = mnist.load(arguments.data_dir)
    x = np.concatenate([train[0], validation[0]])
    keras.utils.set_random_seed(arguments.seed)
    ae = zoo.create("linear", (784,), UNITS)
    ae.compile(optimizer=mnist.adam(arguments.rate, arguments.steps), steps_per_execution=50)
    batches = zoo.datasets.shuffled_batches(x, arguments.batch, arguments.seed)
    ae.fit(batches, steps_per_epoch=arguments.steps, shuffle=False, verbose=0)

    mean = x.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov(x, rowvar=False, bias=True))
    components = vectors[:, : -UNITS - 1 : -1]
    decoder = ae.get_layer("decoder_output").kernel.numpy().T
    angles = scipy.linalg.subspace_angles(decoder, components)
    best = np.mean((x - mean - (x - mean) @ components @ components.T) ** 2)
    row = {
        "largest_angle": float(angles.max()),
        "squared_error": float(
            ae.evaluate(x, batch_size=2000, verbose=0, return_dict=True)["loss"]
        ),
        "squared_error_of_components": float(best),
    }
    print(row)
    mnist.write("principal_components", {"linear, 32 units": row}, settings)


if __name__ == "__main__":
    main()
