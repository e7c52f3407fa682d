"""The sweep behind `python -m benchmarks.serving --tune`: batching parameters and thread limits.

Batching is set when a server starts, so each candidate gets a server of its own, started by
`python -m serving up --engine ...`. The best is the one with the highest geometric mean of the
rows a second of all cases.
"""

from __future__ import annotations

import itertools
import json
import os
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import describe

CASES = ((1, 1), (1, 16), (1, 64), (32, 16))
# Those that `export publish` warms up by default; a request of more rows than the last is refused.
BATCH_SIZES = (1, 8, 32, 128)
TIMEOUTS = (None, 0, 500, 2000)  # microseconds; None is without batching
FILE, FLAGS, REPORT = "batching_parameters.txt", "flags.txt", "tuning.json"


def tune(base: Path, model: str, engine: str, seconds: float, out: Path) -> None:
    """Measures every candidate and writes the best.

    Args:
        base: Folder of models.
        model: The one to load; its default signature takes numbers.
        engine: As of `serving up`.
        seconds: For each measurement.
        out: Folder for `batching_parameters.txt`, `flags.txt` and all measurements.
    """
    from rich.progress import Progress

    from console import print_table

    cores = os.cpu_count() or 1
    found = []
    candidates = list(itertools.product(TIMEOUTS, (1, 0)))
    with Progress(transient=True) as progress, tempfile.TemporaryDirectory() as folder:
        bar = progress.add_task("candidates", total=len(candidates) * len(CASES))
        file = Path(folder, FILE)
        for timeout, intra in candidates:
            flags = [
                f"--enable_batching={str(timeout is not None).lower()}",
                f"--tensorflow_intra_op_parallelism={intra}",
                f"--tensorflow_inter_op_parallelism={cores if intra else 0}",
                "--grpc_max_threads=128",
            ]
            if timeout is not None:
                file.write_text(parameters(timeout, cores))
            rates = _measure(
                base,
                model,
                [
                    f"--engine={engine}",
                    *flags,
                    *([f"--batching_parameters_file={file}"] if timeout is not None else []),
                ],
                seconds,
                lambda: progress.advance(bar),
            )
            score = statistics.geometric_mean(rates.values())
            found.append({"timeout": timeout, "flags": flags, "rates": rates, "score": score})
    best = max(found, key=lambda entry: entry["score"])
    batched = max((e for e in found if e["timeout"] is not None), key=lambda e: e["score"])
    out.mkdir(parents=True, exist_ok=True)
    (out / FILE).write_text(parameters(batched["timeout"], cores))
    (out / FLAGS).write_text("\n".join(best["flags"]) + "\n")
    report = {"machine": describe(np), "engine": engine, "model": model, "candidates": found}
    (out / REPORT).write_text(json.dumps(report, indent=2) + "\n")
    print_table(
        [
            (
                "none" if e["timeout"] is None else f"{e['timeout']} µs",
                e["flags"][1].split("=")[1],
                *(f"{rate:,.0f}" for rate in e["rates"].values()),
                f"{e['score']:,.0f}{' best' if e is best else ''}",
            )
            for e in found
        ],
        ("batching", "intra_op", *(f"{r}x{c}" for r, c in CASES), "geometric mean, rows/s"),
    )


def parameters(timeout: int, threads: int) -> str:
    """Text of a `BatchingParameters` file."""
    lines = [
        f"max_batch_size {{ value: {BATCH_SIZES[-1]} }}",
        f"batch_timeout_micros {{ value: {timeout} }}",
        f"max_enqueued_batches {{ value: {100 * threads} }}",
        f"num_batch_threads {{ value: {threads} }}",
        *(f"allowed_batch_sizes: {size}" for size in BATCH_SIZES),
    ]
    return "\n".join(lines) + "\n"


def _measure(
    base: Path, model: str, flags: list[str], seconds: float, advance: Any
) -> dict[str, float]:
    from benchmarks.serving import in_own_process, start

    process, address = start(base, *flags)
    rates = {}
    try:
        for rows, clients in CASES:
            sizes = (str(seconds), str(rows), str(clients))
            result = in_own_process("load", address, model, *sizes)
            rates[f"{rows}x{clients}"] = max(result["rows_per_second"], 1.0)
            advance()
    finally:
        process.terminate()
        process.communicate()
    return rates
