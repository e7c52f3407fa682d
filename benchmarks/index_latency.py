"""Latency of single queries, engines taking turns."""

import time

import numpy as np

ROUNDS, QUERIES = 6, 25  # every engine's turns, and queries in one


def latency(runs, queries):
    """Median and 99th percentile of single calls in microseconds, engines taking turns.

    Args:
        runs: name -> function of one query.
        queries: uint8 [n, bytes].
    """
    times = {name: [] for name in runs}
    for turn in range(ROUNDS):
        for name, run in runs.items():
            run(queries[-1:])
            for query in queries[turn * QUERIES : (turn + 1) * QUERIES]:
                started = time.perf_counter()
                run(query[None])
                times[name].append(1e6 * (time.perf_counter() - started))
                if times[name][-1] > 200_000:
                    break
    return {
        name: {"p50_us": float(np.median(own)), "p99_us": float(np.quantile(own, 0.99))}
        for name, own in times.items()
    }
