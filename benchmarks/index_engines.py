"""The engines that `benchmarks.index` compares, each with the same verbs; and their data."""

import os
import shutil
import tempfile
import time

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # FAISS's threads: don't spin

import faiss
import numpy as np
from usearch.index import Index as UsearchIndex
from usearch.index import MetricKind, ScalarKind

from serving.index import HashIndex

BATCH = 1000  # queries
HNSW_LIMIT, USEARCH_LIMIT = 1_000_000, 100_000  # building larger graphs takes too long here


def clustered(rng, n, bits, size=1000, flips=0.05):
    """Codes around random centres, about `size` to each, every bit flipped with `flips`."""
    centres = rng.integers(0, 256, (max(1, n // size), bits // 8), dtype=np.uint8)

    def draw(count):
        codes = centres[rng.integers(0, len(centres), count)]
        # A flip drawn twice undoes itself: a little fewer than bits * flips differ.
        numbers = rng.poisson(bits * flips, count)
        for flip in range(int(numbers.max(initial=0))):
            rows = np.flatnonzero(numbers > flip)
            bit = rng.integers(0, bits, len(rows), dtype=np.uint16)
            codes[rows, bit >> 3] ^= (128 >> (bit & 7)).astype(np.uint8)
        return codes

    return draw(n), draw(BATCH)


def uniform(rng, n, bits):
    """Codes of independent random bits: the worst case, nothing is near anything."""
    return tuple(rng.integers(0, 256, (m, bits // 8), dtype=np.uint8) for m in (n, BATCH))


class Ours:
    """`HashIndex` on disk, compacted by being built in one add."""

    name = "HashIndex"

    def __init__(self, codes):
        bits = codes.shape[1] * 8
        warm_up(bits)
        self.folder = tempfile.mkdtemp()
        self.index = HashIndex.open(self.folder, bits=bits)
        started = time.perf_counter()
        self.index.add(np.arange(len(codes)), codes)
        self.build = time.perf_counter() - started
        self.bytes = self.index.info()["bytes"]
        started = time.perf_counter()
        HashIndex.open(self.folder).close()
        self.open = time.perf_counter() - started

    def search(self, queries, k):
        """Distances of the k nearest, [queries, k]."""
        return self.index.search(queries, k=k).distances

    def within(self, queries, radius):
        """How many entries are within a radius of the queries."""
        return len(self.index.within(queries, radius=radius).ids)

    def close(self):
        """Deletes the index."""
        self.index.close()
        shutil.rmtree(self.folder)


class Faiss:
    """A binary index of FAISS."""

    def __init__(self, name, index, codes):
        self.name, self.index = name, index
        started = time.perf_counter()
        if not index.is_trained:
            rng = np.random.default_rng(0)
            index.train(codes[rng.choice(len(codes), min(len(codes), 50_000), replace=False)])
        index.add(codes)
        self.build = time.perf_counter() - started

    def search(self, queries, k):
        """Distances of the k nearest, [queries, k]."""
        return self.index.search(queries, k)[0]

    def within(self, queries, radius):
        """How many entries are within a radius of the queries."""
        return int(self.index.range_search(queries, radius + 1)[0][-1])

    def close(self):
        """Nothing to do: all is in memory."""


class Usearch:
    """A usearch graph over binary codes."""

    name = "usearch"

    def __init__(self, codes):
        self.index = UsearchIndex(
            ndim=codes.shape[1] * 8, metric=MetricKind.Hamming, dtype=ScalarKind.B1
        )
        started = time.perf_counter()
        self.index.add(np.arange(len(codes)), codes, threads=os.cpu_count())
        self.build = time.perf_counter() - started

    def search(self, queries, k):
        """Distances of the k nearest, [queries, k]."""
        distances = self.index.search(queries, k, threads=1).distances
        return np.atleast_2d(distances)

    def close(self):
        """Nothing to do: all is in memory."""


def engines(codes, everything):
    """Each engine in turn, built."""
    n, bits = len(codes), codes.shape[1] * 8
    yield Ours(codes)
    yield Faiss("FAISS Flat", faiss.IndexBinaryFlat(bits), codes)
    if not everything:
        return
    # Keys of about log2(n) bits, as our own tables have.
    key = min(int(np.log2(n)) - 1, 21)
    hashed = faiss.IndexBinaryHash(bits, key)
    hashed.nflip = 2
    yield Faiss("FAISS Hash", hashed, codes)
    tables = bits // key
    several = faiss.IndexBinaryMultiHash(bits, tables, key)
    several.nflip = 1
    yield Faiss("FAISS MultiHash", several, codes)
    # Assigning millions of codes to thousands of lists takes too long here.
    lists, probed = (int(np.sqrt(n)), 8) if n <= 100_000 else (256, 4)
    inverted = faiss.IndexBinaryIVF(faiss.IndexBinaryFlat(bits), bits, lists)
    inverted.nprobe = probed
    inverted.cp.niter = 5
    yield Faiss("FAISS IVF", inverted, codes)
    if n <= HNSW_LIMIT:
        yield Faiss("FAISS HNSW", faiss.IndexBinaryHNSW(bits, 16), codes)
    if n <= USEARCH_LIMIT:
        yield Usearch(codes)


def warm_up(bits):
    """Has the searches compiled before anything is timed."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 256, (20_000, bits // 8), dtype=np.uint8)
    with tempfile.TemporaryDirectory() as folder, HashIndex.open(folder, bits=bits) as index:
        index.add(np.arange(len(codes)), codes)
        index.search(codes[0])
        index.within(codes[0])
        index.search(codes[0], margin=np.ones(bits))
