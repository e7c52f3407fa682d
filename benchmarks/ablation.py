"""What each part of the recipe for hash codes does.

    python -m benchmarks.ablation --data-dir FOLDER_WITH_ng20_bydate_2000stem.npz

Takes about 15 minutes on 2 cores. Trains 32-bit codes of 20 Newsgroups (2,000 stems, split by
date, one hidden layer of 512 units, 6 epochs of batches of 128) by the recipe of `semantic-hash`,
and again with one part of it changed at a time; three seeds each. Measured on the test posts:
precision at 100 of bits cut at 0.5 and at the medians of the training codes, and of the
activations as directions; the share of activations within 0.05 of 0 or 1; the entropy of a bit.
The last rows tell what labels would add to the choice of an epoch: of 12 epochs on nine tenths of
the training posts, the last one, and the one with the best precision at 100 of bits on the tenth
that was held out. The recipe was not chosen by this table. Writes
benchmarks/results/ablation.json.
"""

import argparse
import json
from contextlib import nullcontext
from functools import partial
from unittest import mock

import keras
import numpy as np
import tensorflow as tf

import zoo
import zoo.datasets
from benchmarks.machine import describe
from benchmarks.papers.mnist import features
from benchmarks.retrieval import RESULTS, measure
from benchmarks.retrieval_data import read
from zoo.evaluation.code_statistics import bit_statistics
from zoo.neighbours import NeighbourCodes, binary_rotation, neighbour_features, teacher

BITS, EPOCHS, BATCH = 32, 6, 128

# What is changed: options of the model, and how its codes are found.
ROWS = {
    "the recipe": ({}, "refined"),
    "noise off": ({"noise": 0.0}, "refined"),
    "noise constant": ({"noise": "constant"}, "refined"),
    "pre-activations not centred": ({"balance": False}, "refined"),
    "words not hidden": ({"corruption": None, "corruption_level": None}, "refined"),
    "codes weigh 1 instead of 10": ({"code_weight": 1.0}, "refined"),
    "map not smoothed": ({}, "not smoothed"),
    "texts in large groups count as others": ({}, "weighted alike"),
    "taught bits refined from a random rotation": ({}, "random rotation"),
    "taught bits not refined": ({}, "not refined"),
    "taught bits neither rotated nor refined": ({}, "signs"),
    "no codes taught": ({}, "none"),
    "no codes taught, words not hidden": ({"corruption": None, "corruption_level": None}, "none"),
}


# What a step of finding codes is replaced by.
LEFT_OUT = {
    "not smoothed": ("smooth_map", lambda vectors, features: vectors),
    "weighted alike": ("row_weights", lambda vectors: None),
    "random rotation": ("binary_rotation", partial(binary_rotation, iterations=0)),
    "not refined": ("refine_bits", lambda vectors, bits, *options: bits),
}


def find_features(x):
    """What the neighbours of all rows are found by."""
    return neighbour_features(zoo.create("semantic-hash", x.shape[1:], BITS, backbone="text"), x)


def create_teacher(features, seed, without=None):
    """What knows the neighbours of all rows; `without` names a step to leave out."""
    leave_out = mock.patch.object(teacher, *LEFT_OUT[without]) if without else nullcontext()
    with leave_out:
        return NeighbourCodes(BITS, seed=seed).fit(features)


def taught(found, how, seed):
    """The codes of all rows, or `None`."""
    if how == "none":
        return None
    if how in LEFT_OUT:
        return create_teacher(found.features, seed, how).codes
    if how == "refined":
        return found.codes
    return (found.map[:, :BITS] > 0).astype("uint8")


def create(x, codes, options, seed, epochs=EPOCHS):
    """A model that is not trained, and its batches."""
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
        training_steps=epochs * steps,
        **options,
    )
    ae.compile(optimizer="adam", steps_per_execution=8)
    return ae, zoo.datasets.shuffled_batches(x, BATCH, seed, codes=codes)


def train(ae, batches, rows, epochs=EPOCHS, callbacks=()):
    """Trains a model that `create` made."""
    steps = rows // BATCH
    ae.fit(
        batches,
        steps_per_epoch=steps,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        callbacks=list(callbacks),
    )


def judge(ae, dataset):
    """All measures of a trained model."""
    queries, database = (features(ae.encoder, x) for x in (dataset.x_test, dataset.x_train))
    statistics = bit_statistics(database, database > 0.5)
    medians = np.median(database, axis=0)
    signed = [2 * activations - 1 for activations in (queries, database)]
    real = [a / np.linalg.norm(a, axis=1, keepdims=True) for a in signed]

    def precision(a, b, binary):
        return measure(a, b, dataset, binary)["precision_at_100"]

    return {
        "P@100 bits": precision(queries > 0.5, database > 0.5, True),
        "P@100 bits at medians": precision(queries > medians, database > medians, True),
        "P@100 real": precision(*real, False),
        "saturated": statistics["saturated_fraction"],
        "bit entropy": statistics["bit_entropy"],
    }


def run(dataset, codes, options, seed):
    """Trains one model and measures it."""
    ae, batches = create(dataset.x_train, codes, options, seed)
    train(ae, batches, len(dataset.x_train))
    measured = judge(ae, dataset)
    keras.backend.clear_session()
    return measured


def run_with_labels(dataset, seed):
    """The last of 12 epochs, and the best by labels of posts that were held out."""
    order = np.random.default_rng(seed).permutation(len(dataset.x_train))
    some, kept = np.sort(order[len(order) // 10 :]), np.sort(order[: len(order) // 10])
    x, y = dataset.x_train, dataset.y_train
    held_out = zoo.datasets.Dataset("held out", x.take(some), x.take(kept), y[some], y[kept])
    codes = create_teacher(find_features(held_out.x_train), seed).codes
    ae, batches = create(held_out.x_train, codes, {}, seed, 2 * EPOCHS)
    best = {"precision": -1.0, "weights": None}

    def compare(epoch, logs):
        precision = judge(ae, held_out)["P@100 bits"]
        if precision > best["precision"]:
            best.update(precision=precision, weights=ae.get_weights())

    watch = keras.callbacks.LambdaCallback(on_epoch_end=compare)
    train(ae, batches, len(some), 2 * EPOCHS, [watch])
    last = judge(ae, dataset)
    ae.set_weights(best["weights"])
    measured = last, judge(ae, dataset)
    keras.backend.clear_session()
    return measured


def main():
    """Measures every row."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data-dir", required=True, help="folder with the .npz file")
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    dataset = read("ng20_bydate_2000stem", arguments.data_dir)
    rows = {}

    def report(name, runs):
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

    seeds = range(arguments.seeds)
    words = find_features(dataset.x_train)
    found = [create_teacher(words, seed) for seed in seeds]
    for name, (options, how) in ROWS.items():
        codes = [taught(found[seed], how, seed) for seed in seeds]
        report(name, [run(dataset, codes[seed], dict(options), seed) for seed in seeds])
    last, best = zip(*(run_with_labels(dataset, seed) for seed in seeds), strict=True)
    report("12 epochs on 90 %: the last", last)
    report("12 epochs on 90 %: the best by labels", best)


if __name__ == "__main__":
    main()
