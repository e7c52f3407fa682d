"""What warm-up requests and smaller weights bring to a published version.

    python -m benchmarks.export

Trains a 64-bit semantic hash on scikit-learn's digits, publishes it at each precision, and a
convolutional network with batch normalisation with and without `optimize`. Rows a second are of
the version and of the model as it was trained, taking turns in one process. Then times the first
request of each signature in fresh processes that load the SavedModel as TF Serving does, with and
without running its warm-up requests first. Takes 4 minutes on 2 cores; writes
benchmarks/results/export.json. Expect first requests of hundreds of milliseconds without warm-up
and of about one with.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.machine import describe

RESULTS = Path(__file__).parent / "results" / "export.json"
REPEATS = 3
BATCH = 32


def main() -> None:
    """Publishes, measures and writes the results."""
    import console

    with tempfile.TemporaryDirectory() as base:
        model, images = _train()
        result = {
            "machine": describe(),
            "batch": BATCH,
            "precision": _precisions(model, images, base),
            "optimize": _optimized(base),
        }
        result["first_request_ms"] = _first_requests(Path(base, "float32", "1"))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    console.print_table(
        [[key, *row.values()] for key, row in result["precision"].items()],
        ["precision", *next(iter(result["precision"].values()))],
    )
    console.print_table(
        [[key, *row.values()] for key, row in result["optimize"].items()],
        ["network", *next(iter(result["optimize"].values()))],
    )
    console.print_table(
        [[key, *row.values()] for key, row in result["first_request_ms"].items()],
        ["signature", "first, not warmed (ms)", "first, warmed (ms)", "later (ms)"],
    )


def _train() -> tuple:
    import keras
    from sklearn.datasets import load_digits

    import zoo

    keras.utils.set_random_seed(0)
    images = (load_digits().images[..., None] / 16).astype("float32")
    model = zoo.create("semantic-hash", input_shape=(8, 8, 1), code_dim=64, backbone="dense")
    model.compile(optimizer="adam")
    model.fit(images, epochs=20, verbose=0)
    model.binarize.adapt(model.encoder.predict(images, verbose=0))
    return model, images


def _precisions(model: object, images: np.ndarray, base: str) -> dict:
    import export

    rows = {}
    for key, options in {
        "float32": {},
        "bfloat16": {"precision": "bfloat16"},
        "float16": {"precision": "float16"},
        "int8": {"precision": "int8"},
        "optimized": {"optimize": True},
    }.items():
        path = export.publish(
            model,
            base,
            name=key,
            examples=images,
            batch_sizes=(1, 32, 1024),
            max_bits_changed=1,
            tolerance=0.5,
            **options,
        )
        rows[key] = _figures(path, "bits_changed")
    return rows


def _optimized(base: str) -> dict:
    """Networks of random weights: what folding saves does not depend on them."""
    import keras

    import export

    def plain(units: int) -> keras.Model:
        layers = [keras.Input((784,), name="inputs")]
        for _ in range(3):
            layers += [keras.layers.Dense(units, use_bias=False), keras.layers.BatchNormalization()]
            layers += [keras.layers.ReLU()]
        return keras.Sequential([*layers, keras.layers.Dense(64)])

    keras.utils.set_random_seed(0)
    networks = {
        "MobileNetV2 0.35, 96x96": keras.applications.MobileNetV2(
            (96, 96, 3), alpha=0.35, include_top=False, weights=None, pooling="avg"
        ),
        "dense 784-512-512-512-64": plain(512),
    }
    rows = {}
    for number, (name, network) in enumerate(networks.items()):
        path = export.publish_encoder(
            network, base, name=f"optimized{number}", optimize=True, batch_sizes=(1, 32)
        )
        rows[name] = _figures(path)
    return rows


def _figures(path: Path, *more: str) -> dict:
    """What a model card says of a version's cost."""
    card = json.loads((path / "assets.extra" / "model_card.json").read_text())
    checks = card["checks"]
    names = ("bytes", "rows_per_second")
    return {
        "folded": len(card.get("folded", [])),
        **{name: checks[name] for name in names},
        **{f"plain_{name}": checks.get(f"plain_{name}", checks[name]) for name in names},
        "embed_max_error": checks["signatures"]["embed"]["max_error"],
        **{name: checks["signatures"]["hash"][name] for name in more},
    }


def _first_requests(path: Path) -> dict:
    runs: dict = {}
    for _ in range(REPEATS):
        for warm in (False, True):
            command = [
                sys.executable,
                "-m",
                "benchmarks.export",
                "first",
                str(path),
                str(int(warm)),
            ]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            for signature, (first, later) in json.loads(done.stdout).items():
                runs.setdefault((signature, warm), []).append((first, later))
    median = statistics.median
    return {
        signature: {
            "cold": round(median(first for first, _ in runs[signature, False]), 2),
            "warmed": round(median(first for first, _ in runs[signature, True]), 2),
            "later": round(median(later for _, later in runs[signature, True]), 2),
        }
        for signature, warm in runs
        if warm
    }


def first(path: str, warm: str) -> None:
    """In a process of its own: times the first and later requests of each signature."""
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    def records(name: str) -> list:
        file = f"{path}/assets.extra/{name}"
        logs = map(
            prediction_log_pb2.PredictionLog.FromString, tf.compat.v1.io.tf_record_iterator(file)
        )
        return [log.predict_log.request for log in logs]

    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        meta = tf.compat.v1.saved_model.load(session, ["serve"], path)

        def run(request: object) -> float:
            definition = meta.signature_def[request.model_spec.signature_name]
            feed = {
                definition.inputs[key].name: tf.make_ndarray(value)
                for key, value in request.inputs.items()
            }
            fetch = {key: info.name for key, info in definition.outputs.items()}
            started = time.perf_counter()
            session.run(fetch, feed)
            return 1000 * (time.perf_counter() - started)

        requests = records("tf_serving_warmup_requests")
        if int(warm):
            for request in requests:
                run(request)
        times = {}
        for request in requests:
            (tensor, *_) = request.inputs.values()
            if tensor.tensor_shape.dim[0].size == BATCH:
                began = run(request)
                later = statistics.median(run(request) for _ in range(50))
                times[request.model_spec.signature_name] = (began, later)
    print(json.dumps(times))


if __name__ == "__main__":
    first(*sys.argv[2:]) if sys.argv[1:2] == ["first"] else main()
