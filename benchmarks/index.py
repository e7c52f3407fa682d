"""Hash index searches beside FAISS and usearch: latency, throughput, recall, memory, build.

    pip install -r benchmarks/requirements.txt
    python -m benchmarks.index                      # everything: 15 to 30 minutes, 8 GB
    python -m benchmarks.index --sizes 100000       # a first look: one minute
    python -m benchmarks.index --resume             # goes on where it was stopped
    python -m benchmarks.index --exact --bits 64    # beside FAISS's scan alone: five minutes

Writes `benchmarks/results/index.json` and `index.png`. Expect, at 10 M clustered codes of 64
bits on a 2-core cloud machine: exact top-10 in some 80 us and top-100 in some 140 us for one
query (155 and 209 us while others keep both cores busy), over a hundred times faster than
FAISS's exact scan beside it; more than ten times its batch
rate; a build of 1 to 3 M codes/s on disk. All engines run in this one process and take turns
on the same queries, so that a busy machine slows all of them; every answer of ours is checked
against FAISS's scan.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np

# First, because it keeps FAISS's threads from spinning.
from benchmarks.index_engines import clustered, engines, uniform  # isort: skip
import faiss
import usearch

from benchmarks.index_figure import draw
from benchmarks.index_latency import latency
from benchmarks.index_margins import margins_gain
from benchmarks.index_numpy import compiled_against_numpy
from benchmarks.machine import describe

HERE = Path(__file__).parent
EXACT_WITHIN = ("HashIndex", "FAISS Flat", "FAISS MultiHash")


def rates(runs, queries, repeats=2):
    """Queries a second in batches, the median of some, engines taking turns."""
    times = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            if sum(times[name]) > 5:
                continue
            started = time.perf_counter()
            run(queries)
            times[name].append(time.perf_counter() - started)
    return {name: len(queries) / float(np.median(own)) for name, own in times.items()}


def compare(n, bits, kind, everything):
    """Rows of all engines on one data set."""
    rng = np.random.default_rng(0)
    codes, queries = (clustered if kind == "clustered" else uniform)(rng, n, bits)
    built = {one.name: one for one in engines(codes, everything)}
    rows = {}
    for name, one in built.items():
        rows[name] = {"n": n, "bits": bits, "data": kind, "engine": name, "build_s": one.build}
    ours = built["HashIndex"]
    rows["HashIndex"] |= {
        "bytes": ours.bytes,
        "open_s": ours.open,
        "raw_bytes": n * (bits // 8 + 8),
    }
    faiss.omp_set_num_threads(1)
    for k in (10, 100):
        runs = {name: lambda q, e=one, k=k: e.search(q, k) for name, one in built.items()}
        for name, figures in latency(runs, queries).items():
            rows[name][f"top{k}"] = figures
    exact = {name: built[name] for name in EXACT_WITHIN if name in built}
    flips = {}
    if "FAISS MultiHash" in exact:  # with three tables or more, two flips leave one untouched
        index = exact["FAISS MultiHash"].index
        flips, index.nflip = {"nflip": index.nflip}, 0 if index.nhash >= 3 else 1
    runs = {name: lambda q, e=one: e.within(q, 2) for name, one in exact.items()}
    for name, figures in latency(runs, queries).items():
        rows[name]["within2"] = figures
    if len({one.within(queries, 2) for one in exact.values()}) > 1:
        raise AssertionError("engines disagree about how many entries are within radius 2")
    if flips:
        exact["FAISS MultiHash"].index.nflip = flips["nflip"]
    batch = queries if n < 5_000_000 else queries[:200]  # a scan takes its time
    runs = {name: lambda q, e=one: e.search(q, 10) for name, one in built.items()}
    best = dict.fromkeys(built, 0.0)
    for threads in (1, os.cpu_count()):  # on a busy machine FAISS is faster with one
        faiss.omp_set_num_threads(threads)
        for name, per_second in rates(runs, batch).items():
            best[name] = max(best[name], per_second)
    for name, per_second in best.items():
        rows[name]["batch_top10_per_s"] = per_second
    truth = built["FAISS Flat"].search(batch, 10)
    for name, one in built.items():
        found = one.search(batch, 10)
        # An answer counts where it is as near as the exact one.
        right = (found >= 0) & (found <= truth[:, -1:])
        rows[name]["recall10"] = float(right.mean())
        one.close()
        show(rows[name])
    if rows["HashIndex"]["recall10"] < 1:
        raise AssertionError("HashIndex and FAISS's exact scan disagree")
    return list(rows.values())


def show(row):
    """One line of what was measured."""
    within = row.get("within2", {}).get("p50_us")
    print(
        f"{row['n']:>10,} {row['bits']:>3} {row['data']:<9} {row['engine']:<15}"
        f" top-10 {row['top10']['p50_us']:>8.0f} us (p99 {row['top10']['p99_us']:>8.0f})"
        f"  top-100 {row['top100']['p50_us']:>8.0f} us"
        f"  radius 2 {'' if within is None else f'{within:.0f} us':>8}"
        f"  batch {row['batch_top10_per_s']:>7.0f}/s  recall {row['recall10']:.2f}"
        f"  build {row['build_s']:.1f} s",
        flush=True,
    )


def main():
    """Measures, prints, writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--bits", type=int, nargs="+", default=[64, 32, 128, 256])
    parser.add_argument("--exact", action="store_true", help="HashIndex and FAISS Flat alone")
    parser.add_argument("--resume", action="store_true", help="keep what index.json holds")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    file = arguments.out / "index.json"
    if arguments.resume and file.exists():
        results = json.loads(file.read_text())
    else:
        machine = describe(np, faiss, usearch) | {"load_before": os.getloadavg()[0]}
        results = {"machine": machine, "rows": [], "margins": margins_gain(), "numpy": []}

    def keep(figures, name="rows"):
        results[name] += figures
        results["machine"]["load_after"] = os.getloadavg()[0]
        file.write_text(json.dumps(results, indent=1) + "\n")

    for bits in arguments.bits:
        for n in arguments.sizes:
            done = {row["data"] for row in results["rows"] if (row["n"], row["bits"]) == (n, bits)}
            if "clustered" not in done:
                keep(compare(n, bits, "clustered", everything=bits == 64 and not arguments.exact))
            if bits == 64 and "uniform" not in done:
                keep(compare(n, bits, "uniform", everything=False))
                keep(compiled_against_numpy(n), "numpy")
            draw(results, arguments.out / "index.png")


if __name__ == "__main__":
    main()
