"""What any index must answer: everything compared with everything, in plain NumPy."""

import numpy as np


def distances(entries, query, weights=None):
    differing = np.unpackbits(entries ^ query, axis=1)
    return differing.sum(1) if weights is None else differing[:, : len(weights)] @ weights


def nearest(ids, entries, query, k, weights=None):
    d = distances(entries, query, weights)
    order = np.lexsort((ids, d))[:k]
    pad = k - len(order)
    return np.pad(ids[order], (0, pad), constant_values=-1), np.pad(
        d[order].astype(np.int64 if weights is None else float), (0, pad), constant_values=-1
    )


def within(ids, entries, query, radius):
    d = distances(entries, query)
    order = np.lexsort((ids, d))
    order = order[d[order] <= radius]
    return ids[order], d[order].astype(np.int64)


def pack(bits):
    return np.packbits(np.asarray(bits, np.uint8), axis=-1)


def random_codes(rng, n, bits, clusters=None, flip=0.05):
    """Uniform codes, or noisy copies of a few centres (many ties and duplicates)."""
    if clusters is None:
        return pack(rng.random((n, bits)) < 0.5)
    centres = rng.random((clusters, bits)) < 0.5
    chosen = centres[rng.integers(0, clusters, n)]
    return pack(chosen ^ (rng.random((n, bits)) < flip))
