"""What a regulariser costs: training speed of each variant beside the plain autoencoder.

    python -m benchmarks.training [--rounds 5] [--rows gated missing "top-k, with dead units" ...]

Takes 10 minutes on 2 cores, or a fraction for the named rows, which are printed alone. Trains
every variant of the zoo that reads vectors, with the dense backbone 784-512-256-64 in batches of
256 on random data, in turn with the plain Keras autoencoder of the same size (`undercomplete`)
and, where PyTorch is installed, with a PyTorch loop of the same network (fused Adam).
`contractive` takes random probes there; its closed form is measured with one layer of 1000 sigmoid
units, beside the plain one of that size. One more row is `top-k` while it has dead units, which
are decoded a second time. Rounds are interleaved; figures are medians
of samples per second, ratios are taken within a round. Writes benchmarks/results/training.json if
no rows were named; the row of PyTorch stays where it is not installed.
"""

import argparse
import itertools
import json
import pathlib
import statistics
import time

import keras
import numpy as np
import tensorflow as tf

import zoo
import zoo.datasets
import zoo.registry
from benchmarks.machine import describe

RESULTS = pathlib.Path(__file__).parent / "results"
PLAIN, ONE_LAYER = "undercomplete", ", one layer"
HIDDEN, CODE, FEATURES, BATCH, ROWS = (512, 256), 64, 784, 256, 20_480
STEPS = ROWS // BATCH


def create(name, code=CODE, hidden=HIDDEN, **options):
    """A variant of the size that is measured."""
    if "training_steps" in zoo.registry.list_options(name, "dense"):
        options["training_steps"] = 10 * STEPS
    return zoo.create(name, (FEATURES,), code, hidden=hidden, **options)


def create_with_dead_units():
    """`top-k`, of whose units 8 are dead in every step."""
    model = create("top-k", dead_after=1)
    model.get_layer("pre_activation").bias.assign(np.where(np.arange(CODE) < 8, -1e3, 0.0))
    return model


class KerasTraining:
    """A model, compiled once; each call trains an epoch."""

    def __init__(self, model, x):
        self.model = model
        self.model.compile(optimizer="adam", steps_per_execution=16)
        self.batches = zoo.datasets.shuffled_batches(x, BATCH, seed=0)
        self()

    def __call__(self):
        """Trains one epoch."""
        self.model.fit(self.batches, steps_per_epoch=STEPS, shuffle=False, verbose=0)


class TorchTraining:
    """The plain network as a PyTorch loop; each call trains an epoch."""

    def __init__(self, x):
        import torch

        sizes = (FEATURES, *HIDDEN, CODE, *reversed(HIDDEN), FEATURES)
        layers = []
        for i, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes)):
            layers.append(torch.nn.Linear(fan_in, fan_out))
            if i not in (len(HIDDEN), len(sizes) - 2):  # the code is linear
                layers.append(torch.nn.ReLU())
        self.torch = torch
        self.model = torch.nn.Sequential(*layers)
        self.optimizer = torch.optim.Adam(self.model.parameters(), fused=True)
        self.x = torch.from_numpy(x)
        self()

    def __call__(self):
        """Trains one epoch."""
        loss_of = self.torch.nn.functional.binary_cross_entropy_with_logits
        order = self.torch.randperm(len(self.x))
        for i in range(0, ROWS, BATCH):
            batch = self.x[order[i : i + BATCH]]
            self.optimizer.zero_grad()
            loss_of(self.model(batch), batch).backward()
            self.optimizer.step()


def makers():
    """Names of rows to what makes their trainings of data."""

    def of(create_model, *args, **options):
        return lambda x: KerasTraining(create_model(*args, **options), x)

    one_layer = {"code": 1000, "hidden": (), "activation": "sigmoid"}
    variants = dict.fromkeys([PLAIN, *(entry.name for entry in zoo.list_variants())])
    return {
        **{name: of(create, name) for name in variants},
        **{name + ONE_LAYER: of(create, name, **one_layer) for name in (PLAIN, "contractive")},
        "top-k, with dead units": of(create_with_dead_units),
        "PyTorch": TorchTraining,
    }


def main():
    """Times all trainings in turn."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--rows", nargs="*", help="all by default")
    arguments = parser.parse_args()
    x = np.random.default_rng(0).random((ROWS, FEATURES), "float32")
    trainings = {}
    for name, make in makers().items():
        if not arguments.rows or name in (PLAIN, PLAIN + ONE_LAYER, *arguments.rows):
            try:
                trainings[name] = make(x)
            except (ImportError, ValueError) as error:
                print(f"{name} left out: {error}")

    seconds = {name: [] for name in trainings}
    for _ in range(arguments.rounds):
        for name, train in trainings.items():
            began = time.perf_counter()
            train()
            seconds[name].append(time.perf_counter() - began)

    rows = {}
    print(f"{'':34} samples/s  of the plain one")
    for name, measured in seconds.items():
        plain = PLAIN + ONE_LAYER if name.endswith(ONE_LAYER) else PLAIN
        ratios = [other / own for other, own in zip(seconds[plain], measured, strict=True)]
        rows[name] = {
            "samples_per_second": ROWS / statistics.median(measured),
            "ratio_to_plain": statistics.median(ratios),
        }
        print(
            f"{name:34} {rows[name]['samples_per_second']:9,.0f}  {statistics.median(ratios):.2f}"
        )
    if arguments.rows:
        return
    path = RESULTS / "training.json"
    before = json.loads(path.read_text())["rows"] if path.exists() else {}
    result = {
        "command": "python -m benchmarks.training",
        "machine": describe(tf, keras, np),
        "rounds": arguments.rounds,
        "rows": {name: row for name, row in before.items() if name == "PyTorch"} | rows,
    }
    path.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
