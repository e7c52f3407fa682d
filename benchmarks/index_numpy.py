"""What compiling the index's search gains: the same search in plain NumPy beside it."""

import numpy as np

from benchmarks.index_engines import Ours, clustered
from benchmarks.index_latency import latency


def numpy_top(index, query, k):
    """The same multi-index hashing in plain NumPy, to see what compiling it gains."""
    segment = index._store.snapshot().parts[0].segment
    tables, words = segment.tables, segment.words[0]
    best = np.empty(0, np.uint64)
    radius = 0
    while True:
        for table, (base, _, shift, length) in enumerate(tables.layout.tolist()):
            reached = len(tables.layout) * radius + table
            if len(best) == k and int(best[-1] >> np.uint64(32)) < reached:
                return best
            own = int(query >> np.uint64(shift)) & ((1 << length) - 1)
            buckets = base + (own ^ masks(length, radius))
            starts, stops = tables.offsets[buckets], tables.offsets[buckets + 1]
            counts = (stops - starts).astype(np.int64)
            ends = np.cumsum(counts)
            places = np.arange(ends[-1]) + np.repeat(starts - (ends - counts), counts)
            rows = tables.perm[table][places.astype(np.int64)]
            distances = np.bitwise_count(words[rows] ^ query).astype(np.uint64)
            keys = (distances << np.uint64(32)) | rows
            if len(best) == k:
                keys = keys[keys < best[-1]]
            best = np.unique(np.concatenate([best, keys]))[:k]
        radius += 1


_MASKS = {}


def masks(length, radius):
    """All numbers of `length` bits with `radius` ones."""
    if (length, radius) not in _MASKS:
        numbers = np.arange(1 << length)
        _MASKS[length, radius] = numbers[np.bitwise_count(numbers) == radius]
    return _MASKS[length, radius]


def compiled_against_numpy(n):
    """Latency of the compiled search and of the same one in NumPy, side by side."""
    codes, queries = clustered(np.random.default_rng(0), n, 64)
    built = Ours(codes)
    rows = []

    def to_word(query):
        return query.view(">u8").astype(np.uint64)[0, 0]

    for k in (10, 100):
        for i in range(20):
            ours = built.search(queries[i], k)[0]
            assert np.array_equal(
                numpy_top(built.index, to_word(queries[i : i + 1]), k) >> np.uint64(32), ours
            )
        runs = {
            "numpy": lambda query, k=k: numpy_top(built.index, to_word(query), k),
            "compiled": lambda query, k=k: built.search(query, k),
        }
        figures = latency(runs, queries)
        rows.append({"n": n, "k": k, **figures})
        plain, ours = figures["numpy"]["p50_us"], figures["compiled"]["p50_us"]
        print(f"{n:>10,} top-{k}: NumPy {plain:.0f} us, compiled {ours:.0f} us", flush=True)
    built.close()
    return rows
