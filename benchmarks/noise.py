"""Does noise before the sigmoid make codes binary, and what must it be combined with?

    python -m benchmarks.noise --data-dir FOLDER_WITH_fashion_mnist.npz

Takes about 40 minutes on 2 cores. Trains 32-bit codes of Fashion-MNIST (dense 512-256, 10 epochs of
batches of 256, Adam 0.001) with noise off, constant and growing to 4, each with pre-activations
as they are, batch-normalised (fixed scale, and learned scale) and mean-only batch-normalised,
and measures on the test images: the share of activations within 0.05 of 0 or 1, the error of the
reconstruction from activations and from bits, the entropy of a bit, and precision at 100 of 1,000
queries against the training images. Expect: only noise saturates, only a free scale lets it, and
only centring balances the bits, so the `semantic-hash` default (growing, mean-only) loses least
by binarising and retrieves best. Writes benchmarks/results/noise.json and noise.png.
"""

import argparse
import json
import pathlib

import keras
import matplotlib.figure
import numpy as np
import tensorflow as tf

import zoo
import zoo.datasets
from benchmarks.machine import describe
from zoo.evaluation import evaluate

RESULTS = pathlib.Path(__file__).parent / "results"
BITS, EPOCHS, BATCH, STDDEV = 32, 10, 256, 4.0
NOISES = ("off", "constant", "growing")
SCALES = ("as they are", "batch-normalised", "with learned scale", "mean-only")
MEASURES = (
    "saturated_fraction",
    "bit_entropy",
    "reconstruction_error",
    "binarized_error",
    "precision_at_100",
    "precision_at_100_bits",
)


def make(noise, scale, steps):
    """A hash autoencoder from the zoo's layers, with any arrangement before the sigmoid."""
    inputs = keras.Input((28, 28, 1), name="inputs")
    x = keras.layers.Flatten()(inputs)
    for units in (512, 256):
        x = keras.layers.Dense(units, "relu")(x)
    logits = keras.layers.Dense(BITS)(x)
    if scale == "mean-only":
        logits = zoo.layers.MeanOnlyBatchNormalization()(logits)
    elif scale != "as they are":
        learned = scale == "with learned scale"
        logits = keras.layers.BatchNormalization(center=False, scale=learned)(logits)
    growing = keras.optimizers.schedules.PolynomialDecay(0.0, steps, end_learning_rate=STDDEV)
    stddev = {"off": 0.0, "constant": STDDEV, "growing": growing}[noise]
    sigmoid = keras.layers.Activation("sigmoid")
    code, noisy = sigmoid(logits), sigmoid(zoo.layers.SaturatingNoise(stddev)(logits))
    x = noisy
    for units in (256, 512):
        x = keras.layers.Dense(units, "relu")(x)
    outputs = keras.layers.Reshape((28, 28, 1))(keras.layers.Dense(784, "sigmoid")(x))
    spec = zoo.CodeSpec("binary", BITS)
    return zoo.Autoencoder(inputs, outputs, code=code, decoder_input=noisy, code_spec=spec)


def measure(noise, scale, seed, dataset):
    """Trains one model and measures it on the test images."""
    keras.utils.set_random_seed(seed)
    steps = EPOCHS * (len(dataset.x_train) // BATCH)
    ae = make(noise, scale, steps)
    ae.compile(optimizer="adam", steps_per_execution=16)
    batches = zoo.datasets.shuffled_batches(dataset.x_train, BATCH, seed)
    ae.fit(batches, steps_per_epoch=steps // EPOCHS, epochs=EPOCHS, shuffle=False, verbose=0)
    metrics = evaluate(ae, dataset).metrics
    return {name: metrics[name] for name in MEASURES}


def draw(rows):
    """Saturation and precision of every arrangement."""
    figure = matplotlib.figure.Figure(figsize=(10, 3.4), layout="constrained", dpi=110)
    for axis, measure in zip(
        figure.subplots(1, 3),
        ("saturated_fraction", "binarized_error", "precision_at_100_bits"),
        strict=True,
    ):
        for i, noise in enumerate(NOISES):
            values = [row[measure]["mean"] for row in rows if row["noise"] == noise]
            axis.bar(np.arange(len(SCALES)) + 0.27 * (i - 1), values, 0.25, label=f"noise {noise}")
        axis.set_xticks(
            range(len(SCALES)),
            [s.replace(" ", "\n").replace("-", "-\n") for s in SCALES],
            fontsize=8,
        )
        axis.set_title(measure, fontsize=9)
        if measure == "precision_at_100_bits":
            axis.set_ylim(0.35, None)
    figure.axes[0].legend(fontsize=8)
    figure.savefig(RESULTS / "noise.png")


def main():
    """Measures every arrangement with several seeds."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data-dir", help="folder with fashion_mnist.npz; else it is downloaded")
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    data = zoo.datasets.load("fashion_mnist", arguments.data_dir)
    pixels = (data.x_train / np.float32(255), data.x_test / np.float32(255))
    data = zoo.datasets.Dataset(data.name, *pixels, data.y_train, data.y_test)
    rows = []
    for scale in SCALES:
        for noise in NOISES:
            runs = [measure(noise, scale, seed, data) for seed in range(arguments.seeds)]
            row = {"noise": noise, "pre-activations": scale}
            for name in MEASURES:
                values = [run[name] for run in runs]
                row[name] = {"mean": float(np.mean(values)), "std": float(np.std(values))}
            rows.append(row)
            shown = " ".join(f"{name} {row[name]['mean']:.3f}" for name in MEASURES)
            print(f"{scale:20} noise {noise:9} {shown}", flush=True)
            keras.backend.clear_session()
    result = {
        "command": "python -m benchmarks.noise",
        "machine": describe(tf, keras, np),
        "seeds": list(range(arguments.seeds)),
        "rows": rows,
    }
    (RESULTS / "noise.json").write_text(json.dumps(result, indent=2) + "\n")
    draw(rows)


if __name__ == "__main__":
    main()
