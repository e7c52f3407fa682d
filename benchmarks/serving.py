"""Rows per second and latency of model servers, for a 784-512-256-64 encoder.

    python -m benchmarks.serving                      # in-process and embedded: 3 minutes
    python -m benchmarks.serving --target HOST:PORT   # and a server that already runs; it must
                                                      # serve --model (see --publish)
    python -m benchmarks.serving --publish DIR        # write the encoder as DIR/encoder/1
    python -m benchmarks.serving --tune OUT           # sweep batching and threads: 3 minutes;
                                                      # for `export serving-config --tuning OUT`
                                                      # (--engine, --base and --model for
                                                      # another server and another model)

Each case is (rows in one request x closed-loop clients). The load comes from a process of its
own: h2load where it is installed (`apt-get install nghttp2-client`), each client on a connection
of its own, or else raw calls of Python's gRPC (`--generator`), which on few cores is a bottleneck
itself. Servers run in processes of their own. Systems take turns within each
round, and the median of the rounds is printed, so that a noisy machine disturbs all alike. Results
go to benchmarks/results/serving.json.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.load import GENERATORS, NO_MODEL, WIDTH, best_generator, summary
from benchmarks.machine import describe

CASES = ((1, 1), (1, 16), (1, 64), (32, 16), (256, 4))
WIDTHS = (WIDTH, 512, 256, 64)
RESULTS = Path(__file__).with_name("results") / "serving.json"


def publish(base: Path, onnx: bool) -> None:
    """Writes the encoder with random weights as `base/encoder/1`, with an ONNX file or without."""
    import tensorflow as tf

    class Encoder(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            make = np.random.default_rng(0)
            self.weights = [
                tf.Variable((make.normal(size=size) / np.sqrt(size[0])).astype(np.float32))
                for size in itertools.pairwise(WIDTHS)
            ]

        @tf.function(input_signature=[tf.TensorSpec([None, WIDTHS[0]], name="inputs")])
        def embed(self, inputs: Any) -> dict[str, Any]:
            for weights in self.weights[:-1]:
                inputs = tf.nn.relu(inputs @ weights)
            return {"embedding": inputs @ self.weights[-1]}

    module = Encoder()
    version = base / "encoder" / "1"
    tf.saved_model.save(module, str(version), {"serving_default": module.embed})
    if onnx:
        from export import onnx_files
        from export.check import Exchange

        rows = np.random.rand(3, WIDTHS[0]).astype(np.float32)
        answer = {"embedding": module.embed(rows)["embedding"].numpy()}
        onnx_files.write(version, [Exchange("serving_default", {"inputs": rows}, answer)], {}, 1e-4)


def measure_in_process(base: Path, seconds: float, rows: int, clients: int) -> dict[str, float]:
    """Runs the SavedModel without any server, on as many threads as there are cores at most."""
    from concurrent.futures import ThreadPoolExecutor

    from serving.server.servable import Servable

    servable = Servable("encoder", 1, str(base / "encoder" / "1"))
    inputs = {"inputs": np.random.rand(rows, WIDTHS[0]).astype(np.float32)}

    def work(until: float) -> list[float]:
        taken = []
        while (start := time.perf_counter()) < until:
            servable.run("serving_default", inputs, ["embedding"])
            taken.append(time.perf_counter() - start)
        return taken

    workers = min(clients, os.cpu_count() or 1)
    with ThreadPoolExecutor(workers) as pool:
        work(time.perf_counter() + 0.3)
        until = time.perf_counter() + seconds
        taken = list(itertools.chain.from_iterable(pool.map(work, [until] * workers)))
    return summary(taken, rows, seconds)


def answer_without_a_model() -> None:
    """Serves what bounds the embedded server: the same answer of 64 numbers a row."""
    from serving.server.grpc_core import CoreServer, Rpc
    from serving.wire.messages import PREDICTION_SERVICE

    def predict(rpc: Rpc) -> None:
        rows = len(rpc.data) // (4 * WIDTHS[0])
        rpc.reply(bytes(4 * WIDTHS[-1] * rows))

    server = CoreServer(
        {f"/{PREDICTION_SERVICE}/Predict": predict},
        [("grpc.max_receive_message_length", -1)],
        max_calls=4096,
        on_pause=lambda: None,
    )
    port = server.add_port("127.0.0.1:0")
    server.start()
    print(json.dumps({"port": port}), flush=True)
    threading.Event().wait()


def in_own_process(module: str, *args: str) -> dict[str, float]:
    """Runs a benchmark; returns what it measured."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *args]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def start(base: Path, *flags: str) -> tuple[subprocess.Popen[str], str]:
    """Starts a server with TF Serving's flags; returns it and its address."""
    return _start("-m", "serving", "up", str(base), "--port=0", "--json", *flags)


def _start(*command: str) -> tuple[subprocess.Popen[str], str]:
    with tempfile.TemporaryFile("w+") as told:
        process = subprocess.Popen(
            [sys.executable, *command], stdout=subprocess.PIPE, stderr=told, text=True
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            process.wait()
            told.seek(0)
            raise RuntimeError(f"no server by {' '.join(command)}: {told.read()[-300:]}")
    return process, f"127.0.0.1:{json.loads(line)['port']}"


def compare(
    base: Path, targets: dict[str, str], seconds: float, rounds: int, generator: str
) -> dict[str, Any]:
    """Measures every system in turn, several times; returns medians."""
    from rich.progress import Progress

    found: dict[str, dict[str, list[dict[str, float]]]] = {}
    with Progress(transient=True) as progress:
        bar = progress.add_task("rounds", total=rounds * len(CASES) * (1 + len(targets)))
        for _ in range(rounds):
            for rows, clients in CASES:
                case = f"{rows}x{clients}"
                sizes = (str(seconds), str(rows), str(clients))
                for name in ("in process", *targets):
                    if name == "in process":
                        result = in_own_process("serving", "--in-process", str(base), *sizes)
                    else:
                        target, _, model = targets[name].partition("/")
                        result = in_own_process(
                            "load", target, model, *sizes, f"--generator={generator}"
                        )
                    found.setdefault(name, {}).setdefault(case, []).append(result)
                    progress.advance(bar)
    return {
        name: {
            case: {key: statistics.median(run[key] for run in runs) for key in runs[0]}
            for case, runs in cases.items()
        }
        for name, cases in found.items()
    }


def main() -> None:
    """Parses the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--target", help="HOST:PORT of another server to measure beside")
    parser.add_argument("--model", default="encoder", help="name of the encoder there")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--generator",
        choices=GENERATORS,
        default=best_generator(),
        help="where the load comes from; h2load where it is on PATH",
    )
    parser.add_argument("--publish", type=Path, help="write the encoder and stop")
    parser.add_argument("--onnx", action="store_true", help="with --publish: with an ONNX file")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--tune", type=Path, metavar="OUT", help="sweep; write the best to OUT")
    parser.add_argument("--engine", default="embedded", help="what to tune, as of `serving up`")
    parser.add_argument("--base", type=Path, help="with --tune: another model's base folder")
    parser.add_argument("--without-a-model", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--in-process", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.publish:
        publish(args.publish, args.onnx)
        return
    if args.without_a_model:
        answer_without_a_model()
        return
    if args.in_process:
        base, seconds, rows, clients = args.in_process
        print(json.dumps(measure_in_process(Path(base), float(seconds), int(rows), int(clients))))
        return
    loaded = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        onnx = all(importlib.util.find_spec(name) for name in ("tf2onnx", "onnxruntime"))
        if args.tune:
            from benchmarks import tuning

            if not args.base:
                publish(base, args.engine == "onnxruntime")
            tuning.tune(args.base or base, args.model, args.engine, args.seconds, args.tune)
            return
        publish(base, onnx)
        one_core = "--tensorflow_intra_op_parallelism=1"
        started = {
            "embedded": start(base),
            "embedded, one core an operation": start(base, one_core),
            "embedded, no batching": start(base, "--micro_batching=false"),
        }
        if onnx:
            started["ONNX Runtime"] = start(base, "--engine=onnxruntime")
            started["ONNX Runtime, one core an operation"] = start(
                base, "--engine=onnxruntime", one_core
            )
        targets = {name: f"{address}/encoder" for name, (_, address) in started.items()}
        bare = _start("-m", "benchmarks.serving", "--without-a-model")
        started["gRPC without a model"] = bare
        targets["gRPC without a model"] = f"{bare[1]}/{NO_MODEL}"
        if args.target:
            targets["target"] = f"{args.target}/{args.model}"
        try:
            results = compare(base, targets, args.seconds, args.rounds, args.generator)
        finally:
            for process, _ in started.values():
                process.terminate()
                process.wait()
    report = {
        "machine": describe(np),
        "load_average_before": loaded,
        "generator": args.generator,
        "seconds": args.seconds,
        "rounds": args.rounds,
        "results": results,
    }
    args.out.parent.mkdir(exist_ok=True)
    args.out.write_text(json.dumps(report, indent=2) + "\n")
    _print_table(results)


def _print_table(results: dict[str, Any]) -> None:
    from console import print_table

    print_table(
        [
            (
                name,
                *(
                    f"{c['rows_per_second']:,.0f} ({c['p50_ms']:.1f}, {c['p99_ms']:.1f})"
                    for c in cases.values()
                ),
            )
            for name, cases in results.items()
        ],
        ("rows/s (p50, p99 ms)", *(f"{rows}x{clients}" for rows, clients in CASES)),
    )


if __name__ == "__main__":
    main()
