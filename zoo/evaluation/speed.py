"""How long a code takes to make, and how much faster it is searched than raw input."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from zoo.autoencoder import Autoencoder
from zoo.evaluation.rows import BATCH, predict

REPEATS = 15
NEIGHBOURS = 10


def speed(
    model: Autoencoder, x: np.ndarray, features: np.ndarray, codes: np.ndarray, binary: bool
) -> dict[str, float]:
    """Times encoding and exact search for the 10 nearest, each the median of 15.

    One query at a time against all rows: packed bits by Hamming distance, other codes and raw
    inputs by Euclidean distance, all with NumPy. An index is faster than that; both sides are
    measured without.

    Args:
        model: The autoencoder.
        x: Raw rows, of which up to 1,000 are encoded.
        features: Preprocessed rows `[n, components]`.
        codes: `[n, size]`: bits if `binary`, else real.
        binary: Whether codes are bits.

    Returns:
        `encode_microseconds` a row in batches of 1,000; `search_milliseconds` a query by
        code and `search_milliseconds_raw_input`.
    """
    by_code = _hamming(codes) if binary else _euclidean(codes)
    some = x[:BATCH]
    predict(model.encoder, some)
    return {
        "encode_microseconds": _median(lambda i: predict(model.encoder, some)) * 1e6 / len(some),
        "search_milliseconds": _search(by_code, len(codes)) * 1e3,
        "search_milliseconds_raw_input": _search(_euclidean(features), len(features)) * 1e3,
    }


def _hamming(bits: np.ndarray) -> Callable[[int], np.ndarray]:
    packed = np.zeros((len(bits), -(-bits.shape[1] // 64) * 8), "uint8")
    packed[:, : -(-bits.shape[1] // 8)] = np.packbits(bits, axis=1)
    words = packed.view("uint64")
    return lambda i: np.bitwise_count(words ^ words[i]).sum(1, dtype="int32")


def _euclidean(rows: np.ndarray) -> Callable[[int], np.ndarray]:
    rows = np.nan_to_num(rows)
    squares = (rows**2).sum(1)
    return lambda i: squares - 2 * (rows @ rows[i])


def _search(distances: Callable[[int], np.ndarray], entries: int) -> float:
    k = min(NEIGHBOURS, entries)
    return _median(lambda i: np.argpartition(distances(i % entries), k - 1)[:k])


def _median(work: Callable[[int], object]) -> float:
    seconds = []
    for i in range(REPEATS):
        began = time.perf_counter()
        work(i)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)
