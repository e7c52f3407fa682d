"""What each part of the recipe for hash codes does.

    python -m benchmarks.ablation --data-dir FOLDER_WITH_ng20_bydate_2000stem.npz

Takes about 15 minutes on 2 cores. Trains 32-bit codes of 20 Newsgroups (2,000 stems, split by
date, one hidden layer of 512 units, 6 epochs of batches of 128) by the recipe of `semantic-hash`,
and again with one part of it changed at a time; three seeds each. Measured on the test posts:
precision at 100 of bits cut at 0.5 and at the medians of the training codes, and of the
activations as directions; the share of activations within 0.05 of 0 or 1; the entropy of a bit.
The recipe was not chosen by this table. Writes benchmarks/results/ablation.json.
"""

import argparse
import json

import keras
import numpy as np
import tensorflow as tf

import zoo
import zoo.datasets
from benchmarks.machine import describe
from benchmarks.retrieval import RESULTS, measure
from benchmarks.retrieval_data import read
from zoo.neighbours import NeighbourCodes, binary_rotation, neighbour_features

BITS, EPOCHS, BATCH = 32, 6, 128

# What is changed: options of the model, and how its codes are found.
ROWS = {
    "the recipe": ({}, "refined"),
    "noise off": ({"noise": 0.0}, "refined"),
    "noise constant": ({"noise": "constant"}, "refined"),
    "pre-activations not centred": ({"balance": False}, "refined"),
    "words not hidden": ({"corruption": None, "corruption_level": None}, "refined"),
    "codes weigh 1 instead of 10": ({"code_weight": 1.0}, "refined"),
    "taught bits rotated, not refined": ({}, "rotated"),
    "taught bits neither rotated nor refined": ({}, "signs"),
    "no codes taught": ({}, "none"),
    "no codes taught, words not hidden": ({"corruption": None, "corruption_level": None}, "none"),
}


def taught(features, how, seed):
    """The codes of all rows, or `None`."""
    if how == "none":
        return None
    teacher = NeighbourCodes(BITS, seed=seed).fit(features)
    if how == "refined":
        return teacher.codes
    first = teacher.map[:, :BITS]
    if how == "rotated":
        first = first / np.linalg.norm(first, axis=1, keepdims=True)
        first = first @ binary_rotation(first, BITS, seed)
    return (first > 0).astype("uint8")


def run(dataset, options, how, seed):
    """Trains one model and measures it."""
    x = dataset.x_train
    steps = len(x) // BATCH
    options = {"hidden": [512], "corruption": "masking", "corruption_level": 0.5} | options
    if options.get("noise") == "constant":
        end = 4.0
        options["noise"] = keras.optimizers.schedules.PolynomialDecay(end, 1, end_learning_rate=end)
    keras.utils.set_random_seed(seed)
    ae = zoo.create(
        "semantic-hash",
        x.shape[1:],
        BITS,
        backbone="text",
        likelihood="multinomial",
        training_steps=EPOCHS * steps,
        **options,
    )
    codes = taught(neighbour_features(ae, x), how, seed)
    ae.compile(optimizer="adam", steps_per_execution=8)
    batches = zoo.datasets.shuffled_batches(x, BATCH, seed, codes=codes)
    ae.fit(batches, steps_per_epoch=steps, epochs=EPOCHS, shuffle=False, verbose=0)

    def encode(rows):
        return np.concatenate(
            [np.asarray(ae.encoder(rows[i : i + 1000])) for i in range(0, len(rows), 1000)]
        )

    queries, database = encode(dataset.x_test), encode(x)
    medians = np.median(database, axis=0)
    share = (database > 0.5).mean(0)
    signed = [2 * activations - 1 for activations in (queries, database)]
    real = [a / np.linalg.norm(a, axis=1, keepdims=True) for a in signed]

    def precision(a, b, binary):
        return measure(a, b, dataset, binary)["precision_at_100"]

    keras.backend.clear_session()
    return {
        "P@100 bits": precision(queries > 0.5, database > 0.5, True),
        "P@100 bits at medians": precision(queries > medians, database > medians, True),
        "P@100 real": precision(*real, False),
        "saturated": float(np.mean((database < 0.05) | (database > 0.95))),
        "bit entropy": float(
            -np.mean(share * np.log2(share + 1e-9) + (1 - share) * np.log2(1 - share + 1e-9))
        ),
    }


def main():
    """Measures every row."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data-dir", required=True, help="folder with the .npz file")
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    dataset = read("ng20_bydate_2000stem", arguments.data_dir)
    rows = {}
    for name, (options, how) in ROWS.items():
        runs = [run(dataset, dict(options), how, seed) for seed in range(arguments.seeds)]
        rows[name] = {
            key: {
                "mean": float(np.mean([r[key] for r in runs])),
                "std": float(np.std([r[key] for r in runs])),
            }
            for key in runs[0]
        }
        shown = ", ".join(f"{key} {value['mean']:.3f}" for key, value in rows[name].items())
        print(f"{name:40} {shown}", flush=True)
        result = {
            "command": "python -m benchmarks.ablation",
            "machine": describe(tf, keras, np),
            "seeds": arguments.seeds,
            "rows": rows,
        }
        (RESULTS / "ablation.json").write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
