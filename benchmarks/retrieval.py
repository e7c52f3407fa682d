"""How well do codes retrieve? Default recipes beside classical hashing, on images and texts.

    python -m benchmarks.retrieval --data-dir FOLDER_WITH_THE_FILES [--data mnist ...]

Takes about three hours on 2 cores. For each data set and length of code: what
`python -m zoo fit --variant semantic-hash` trains by default, three seeds; beside it locality
sensitive hashing, the signs of principal components, spectral hashing, iterative quantisation
(ITQ), and exact search by real vectors. Everything sees the training rows without their labels;
the labels only judge. Distances that are equal count at their expectation under random orders.
The recipes were chosen on training rows that were held out (images) and on validation rows
(texts). Writes benchmarks/results/retrieval.json and retrieval.png, and the tables of
docs/retrieval.md; rows of an earlier run that were not measured now stay.
"""

import argparse
import json
import pathlib
import tempfile

import keras
import numpy as np
import tensorflow as tf

from benchmarks import classical_hashing, retrieval_report
from benchmarks.machine import describe
from benchmarks.papers.mnist import features
from benchmarks.retrieval_data import PROTOCOLS, read
from zoo.evaluation.code_statistics import bit_statistics
from zoo.evaluation.retrieval import (
    average_precision,
    over_blocks,
    precision_and_recall_at_k,
    relevance,
)
from zoo.training import Run, fit_run

RESULTS = pathlib.Path(__file__).parent / "results"
OURS = "semantic-hash"


def measure(queries, database, dataset, binary):
    """Precision at 100, and of images mean average precision, of all queries."""

    def judge(some, distances):
        relevant = relevance(dataset.y_test[some], dataset.y_train)
        found = {"precision_at_100": precision_and_recall_at_k(distances, relevant, 100)[0]}
        if dataset.is_image:
            found["map"] = average_precision(distances, relevant)
        return found

    parts = over_blocks(judge, queries, database, binary)
    return {name: float(np.nanmean([v for p in parts for v in p[name]])) for name in parts[0]}


def train(dataset, bits, seed):
    """What the command line trains where it is told nothing but the length of the code."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "data.npz"
        dataset.save(file)
        config = {
            "data": str(file),
            "data_dir": None,
            "variant": OURS,
            "backbone": None,
            "code_dim": bits,
            "likelihood": None,
            "epochs": None,
            "batch_size": 128,
            "learning_rate": 1e-3,
            "seed": seed,
            "options": {},
        }
        return fit_run(Run(pathlib.Path(folder) / "run"), config, progress=False)


def ours(dataset, bits, seed):
    """Bits, and activations as directions, of queries and data base."""
    model = train(dataset, bits, seed)

    def encode(x):
        activations = features(model.encoder, x)
        signed = 2 * activations - 1
        directions = signed / np.linalg.norm(signed, axis=1, keepdims=True)
        return np.asarray(model.binarize(activations)), directions, activations

    (q_bits, q_real, _), (d_bits, d_real, activations) = map(
        encode, (dataset.x_test, dataset.x_train)
    )
    statistics = bit_statistics(activations, d_bits.astype("uint8"))
    extra = {
        "saturated": statistics["saturated_fraction"],
        "bit_entropy": statistics["bit_entropy"],
    }
    keras.backend.clear_session()
    return (q_bits, d_bits), (q_real, d_real), extra


def main():
    """Measures all cells that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data-dir", required=True, help="folder with the .npz files")
    parser.add_argument("--data", nargs="*", choices=list(PROTOCOLS), default=list(PROTOCOLS))
    parser.add_argument("--bits", nargs="*", type=int, help="lengths of code; the protocol's")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", choices=["ours", "classical"], help="both by default")
    arguments = parser.parse_args()
    path = RESULTS / "retrieval.json"
    rows = json.loads(path.read_text())["rows"] if path.exists() else []

    def report(data, method, bits, runs):
        row = {"data": data, "method": method, "bits": bits, "seeds": len(runs)}
        for name in runs[0]:
            values = [run[name] for run in runs]
            row[name] = {"mean": float(np.mean(values)), "std": float(np.std(values))}
        key = ("data", "method", "bits")
        rows[:] = [old for old in rows if any(old[k] != row[k] for k in key)] + [row]
        shown = ", ".join(f"{name} {row[name]['mean']:.4f}" for name in runs[0])
        print(f"{data:22} {method:22} {bits or '':4} {shown}", flush=True)
        result = {
            "command": "python -m benchmarks.retrieval",
            "machine": describe(tf, keras, np),
            "rows": sorted(rows, key=lambda row: (row["data"], row["method"], row["bits"] or 0)),
        }
        path.write_text(json.dumps(result, indent=2) + "\n")

    for name in arguments.data:
        dataset = read(name, arguments.data_dir)
        texts = dataset.kind == "counts"
        classical = {} if arguments.only == "ours" else classical_hashing.METHODS
        if classical:
            vectors = classical_hashing.vectors(dataset)
            report(name, "exact search", None, [measure(*vectors, dataset, binary=False)])
        for bits in arguments.bits or PROTOCOLS[name].bits:
            for method, hashing in classical.items():
                runs = [
                    measure(*hashing(*vectors, bits, seed, texts), dataset, binary=True)
                    for seed in range(arguments.seeds if hashing.random else 1)
                ]
                report(name, method, bits, runs)
            if arguments.only == "classical":
                continue
            binary, real = [], []
            for seed in range(arguments.seeds):
                codes, directions, extra = ours(dataset, bits, seed)
                binary.append(measure(*codes, dataset, binary=True) | extra)
                real.append(measure(*directions, dataset, binary=False))
            report(name, OURS, bits, binary)
            report(name, f"{OURS}, real-valued", bits, real)
    retrieval_report.main()


if __name__ == "__main__":
    main()
