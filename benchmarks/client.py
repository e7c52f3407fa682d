"""What the client costs beside a bare stub: both ask one embedded server, in turns.

    python -m benchmarks.client

Takes half a minute. The bare stub is tensorflow-serving-api's, with TensorFlow's own codec; the
encoder is that of `benchmarks.serving`. Prints milliseconds of a call, medians of 45 turns of 20
calls, and writes them to benchmarks/results/client.json.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from benchmarks.load import WIDTH
from benchmarks.machine import describe
from benchmarks.serving import publish, start
from console import print_table
from serving import Client

ROWS = (1, 32, 256)
TURNS, CALLS = 45, 20
RESULTS = Path(__file__).with_name("results") / "client.json"


def bare_call(stub: Any, rows: np.ndarray) -> np.ndarray:
    """A call as without our client."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "encoder"
    request.inputs["inputs"].CopyFrom(tf.make_tensor_proto(rows))
    return tf.make_ndarray(stub.Predict(request, timeout=30).outputs["embedding"])


def milliseconds(call: Callable[[], Any]) -> float:
    """Of one call, on average."""
    call()
    begin = time.perf_counter()
    for _ in range(CALLS):
        call()
    return (time.perf_counter() - begin) / CALLS * 1e3


def compare(address: str) -> dict[str, dict[str, float]]:
    """Milliseconds of both by the number of rows."""
    found = {}
    with grpc.insecure_channel(address) as channel, Client(address, "encoder") as client:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        for count in ROWS:
            rows = np.random.rand(count, WIDTH).astype(np.float32)
            ways: dict[str, Callable[[], Any]] = {
                "client": lambda rows=rows: client.predict("serving_default", inputs=rows),
                "bare stub": lambda rows=rows: bare_call(stub, rows),
            }
            turns = [{way: milliseconds(call) for way, call in ways.items()} for _ in range(TURNS)]
            found[str(count)] = {
                way: statistics.median(turn[way] for turn in turns) for way in ways
            }
    return found


def main() -> None:
    """Measures, prints and writes."""
    with tempfile.TemporaryDirectory() as folder:
        publish(Path(folder), onnx=False)
        process, address = start(Path(folder))
        try:
            found = compare(address)
        finally:
            process.terminate()
            process.wait()
    report = {"machine": describe(tf, np), "turns": TURNS, "calls": CALLS, "milliseconds": found}
    RESULTS.write_text(json.dumps(report, indent=2) + "\n")
    print_table(
        [(rows, *(f"{ms:.2f}" for ms in ways.values())) for rows, ways in found.items()],
        ("rows", "client, ms", "bare stub, ms"),
    )


if __name__ == "__main__":
    main()
