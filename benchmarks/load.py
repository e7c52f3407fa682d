"""Load on one model server from one process, which prints what it measured as JSON.

    python -m benchmarks.load TARGET MODEL SECONDS ROWS CLIENTS [--generator python]

Each of CLIENTS sends ROWS rows of random numbers, waits for the answer and sends again. The load
comes from h2load where it is installed, each client on a connection of its own, or else from raw
calls of Python's gRPC, which on few cores is a bottleneck itself. MODEL is "-" for a server that
has none.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import shutil
import struct
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

GENERATORS = ("h2load", "python")
NO_MODEL = "-"
WIDTH = 784  # of a row, where no model tells


def best_generator() -> str:
    """h2load where it is on PATH."""
    return "h2load" if shutil.which("h2load") else "python"


def main() -> None:
    """Parses the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("target", help="HOST:PORT")
    parser.add_argument("model")
    parser.add_argument("seconds", type=float)
    parser.add_argument("rows", type=int)
    parser.add_argument("clients", type=int)
    parser.add_argument("--generator", choices=GENERATORS, default=best_generator())
    args = parser.parse_args()
    case = (args.target, args.model, args.seconds, args.rows, args.clients)
    from serving import ServingError

    try:
        measured = by_h2load(*case) if args.generator == "h2load" else asyncio.run(by_python(*case))
    except (RuntimeError, ServingError) as error:
        parser.exit(1, f"{parser.prog}: {error}\n")
    print(json.dumps(measured))


async def by_python(
    target: str, model: str, seconds: float, rows: int, clients: int
) -> dict[str, float]:
    """Keeps `clients` requests of `rows` rows in flight; each client waits for its answer."""
    import grpc

    data = _request(target, model, rows)
    taken: list[float] = []
    failed = 0

    async with grpc.aio.insecure_channel(target) as channel:
        call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")

        async def client(start_at: float, until: float) -> None:
            nonlocal failed
            while (start := time.perf_counter()) < until:
                try:
                    await call(data, timeout=30)
                    if start >= start_at:
                        taken.append(time.perf_counter() - start)
                except grpc.RpcError:
                    failed += 1
                    await asyncio.sleep(0.001)

        await call(data, timeout=30)
        begin = time.perf_counter() + 0.3
        await asyncio.gather(*(client(begin, begin + seconds) for _ in range(clients)))
    return summary(taken, rows, seconds) | {"failed": failed}


def by_h2load(target: str, model: str, seconds: float, rows: int, clients: int) -> dict[str, float]:
    """Measures as `by_python` does; a call before and one after check the answers."""
    data = _request(target, model, rows)
    answer = _check(target, model, data, rows)
    with tempfile.TemporaryDirectory() as folder:
        body, log = Path(folder, "body"), Path(folder, "log")
        body.write_bytes(struct.pack(">BI", 0, len(data)) + data)
        command = [
            *("h2load", "--threads=1", f"--clients={clients}", "--max-concurrent-streams=1"),
            *("--window-bits=24", "--connection-window-bits=24", "--warm-up-time=500ms"),
            *(f"--duration={round(seconds * 1000)}ms", f"--data={body}", f"--log-file={log}"),
            *("--header=content-type: application/grpc", "--header=te: trailers"),
            f"http://{target}/tensorflow.serving.PredictionService/Predict",
        ]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found = [line.split() for line in log.read_text().splitlines()]
    taken = [int(micros) / 1e6 for _, status, micros in found if status == "200"]
    # An error of gRPC is a 200 of HTTP without a body.
    traffic = re.search(r"^traffic: \S+ \((\d+)\) total", told, re.MULTILINE)
    if traffic is None or int(traffic[1]) < len(taken) * len(answer):
        raise RuntimeError(f"{target} answered with errors; h2load says {told[-800:]}")
    _check(target, model, data, rows)
    return summary(taken, rows, seconds) | {"failed": len(found) - len(taken)}


def _check(target: str, model: str, data: bytes, rows: int) -> bytes:
    """Returns the answer to a request; fails unless an output holds as many rows."""
    import grpc

    from serving.wire.codec import to_array
    from serving.wire.messages import PredictResponse

    unlimited = [("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(target, options=unlimited) as channel:
        call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
        answer = call(data, timeout=30)
    if model != NO_MODEL:
        shapes = [to_array(t).shape for t in PredictResponse.FromString(answer).outputs.values()]
        if not any(shape[:1] == (rows,) for shape in shapes):
            raise RuntimeError(f"{target} answered {rows} rows with the shapes {shapes}")
    return answer


def _request(target: str, model: str, rows: int) -> bytes:
    """A request to the default signature, of random numbers."""
    from serving import Client, TensorSpec
    from serving.wire.codec import to_proto
    from serving.wire.messages import PredictRequest

    inputs = {"inputs": TensorSpec("inputs", "float32", (None, WIDTH))}
    if model != NO_MODEL:
        with Client(target, model) as client:
            inputs = client.metadata()["serving_default"].inputs
    request = PredictRequest()
    request.model_spec.name = model
    for name, spec in inputs.items():
        shape = (rows, *(size or 1 for size in spec.shape[1:]))
        array = (np.random.rand(*shape) * 10).astype(spec.dtype)
        request.inputs[name].CopyFrom(to_proto(array))
    return request.SerializeToString()


def summary(taken: list[float], rows: int, seconds: float) -> dict[str, float]:
    """Rows a second, and the middle and the slowest hundredth of the calls' times."""
    ordered = sorted(taken) or [float("nan")]
    return {
        "rows_per_second": len(taken) * rows / seconds,
        "p50_ms": ordered[len(ordered) // 2] * 1e3,
        "p99_ms": ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] * 1e3,
    }


if __name__ == "__main__":
    main()
