"""Stacked Denoising Autoencoders (Vincent et al. 2010): SDAE-3 against SAE-3 on MNIST.

    python -m benchmarks.papers.stacked_denoising --data-dir FOLDER_WITH_mnist.npz

Takes about 20 minutes on one core. Three sigmoid layers of 1,000 units are trained layer by layer
on 50,000 images without labels, each as an autoencoder with tied weights of what the layers before
it say, with (SDAE) or without (SAE) masking noise; then a softmax layer is added and all is
fine-tuned. Rates and the epoch whose weights are kept are chosen on the last 10,000 training
images, and nothing on test labels. The paper's figures are quoted from memory. Writes
benchmarks/results/stacked_denoising.json.
"""

import argparse
import math

import keras

import zoo
import zoo.layers
from benchmarks.papers import mnist
from zoo.stacked import pretrain

UNITS = 1000
BATCH = 128
ROWS = {
    "SAE-3": (1.40, None),
    "SDAE-3 (masking 25 %)": (1.28, 0.25),
}


def main():
    """Measures the rows and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data-dir", help="folder with mnist.npz; else it is downloaded")
    parser.add_argument("--epochs", type=int, default=10, help="of each layer")
    parser.add_argument("--learning-rate", type=float, default=3e-3, help="of each layer")
    parser.add_argument("--fine-tuning-epochs", type=int, default=20)
    parser.add_argument("--fine-tuning-rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", nargs="*", choices=[*ROWS], help="all by default")
    mnist.add_validate(parser)
    arguments = parser.parse_args()
    settings = {"units": UNITS, **vars(arguments)}
    del settings["data_dir"], settings["rows"], settings["validate"]
    train, validation, test = mnist.load(arguments.data_dir)
    test = None if arguments.validate else test
    for name in arguments.rows or ROWS:
        paper, level = ROWS[name]
        keras.utils.set_random_seed(arguments.seed)
        ae = zoo.create(
            "undercomplete",
            (784,),
            UNITS,
            hidden=(UNITS, UNITS),
            activation="sigmoid",
            tied=True,
        )
        corruption = level and zoo.layers.MaskingCorruption(level)
        steps = arguments.epochs * math.ceil(len(train[0]) / BATCH)
        rate = keras.optimizers.schedules.CosineDecay(arguments.learning_rate, steps)
        pretrain(ae, train[0], arguments.epochs, BATCH, rate, corruption=corruption)
        validation_error, error = mnist.fine_tune(
            ae.encoder,
            train,
            validation,
            test,
            arguments.fine_tuning_epochs,
            arguments.seed,
            arguments.fine_tuning_rate,
        )
        row = {"error": error, "paper": paper, "validation_error": validation_error}
        print(name, row, flush=True)
        if not arguments.validate:
            mnist.write("stacked_denoising", {name: row}, settings)
        keras.backend.clear_session()


if __name__ == "__main__":
    main()
