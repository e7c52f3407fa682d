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
import platform
import shutil
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # FAISS's threads: don't spin

import faiss
import numpy as np
import usearch
from usearch.index import Index as UsearchIndex
from usearch.index import MetricKind, ScalarKind

from serving.index import HashIndex, engine

HERE = Path(__file__).parent
ROUNDS, QUERIES = 6, 25  # every engine's turns, and queries in one
BATCH = 1000
EXACT_WITHIN = ("HashIndex", "FAISS Flat", "FAISS MultiHash")
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


def digit_codes(bits=32, copies=60):
    """Real codes with margins: scikit-learn's digits, shifted and turned, PCA and ITQ.

    ITQ: Gong, Lazebnik, "Iterative quantization: a Procrustean approach", 2011.

    Returns:
        Entries' codes and labels, queries' codes, margins and labels.
    """
    from scipy import ndimage
    from sklearn.datasets import load_digits

    rng = np.random.default_rng(0)
    images, labels = load_digits(return_X_y=True)
    order = rng.permutation(len(images))
    images, labels = images[order].reshape(-1, 8, 8), labels[order]
    queries, query_labels = images[:300], labels[:300]
    entries, entry_labels = [], []
    for _ in range(copies):
        for image, label in zip(images[300:], labels[300:], strict=True):
            angle, (down, right) = rng.normal(0, 8), rng.normal(0, 0.5, 2)
            turned = ndimage.rotate(image, angle, reshape=False, order=1)
            entries.append(ndimage.shift(turned, (down, right), order=1))
            entry_labels.append(label)
    pixels = np.array(entries).reshape(len(entries), -1)
    mean = pixels.mean(0)
    axes = np.linalg.svd(pixels[:20000] - mean, full_matrices=False)[2][:bits].T
    projected = (pixels - mean) @ axes
    turn = np.linalg.qr(rng.normal(size=(bits, bits)))[0]
    for _ in range(30):
        left, _, right = np.linalg.svd(np.sign(projected[:20000] @ turn).T @ projected[:20000])
        turn = (left @ right).T
    margins = (queries.reshape(300, -1) - mean) @ axes @ turn
    codes = np.packbits(projected @ turn > 0, axis=1)
    return codes, np.array(entry_labels), np.packbits(margins > 0, axis=1), margins, query_labels


def margins_gain():
    """Precision of ranking by margins against Hamming distance, and what finding it costs."""
    codes, labels, queries, margins, query_labels = digit_codes()
    share = engine.PROBING_SHARE
    result = {"entries": len(codes), "bits": codes.shape[1] * 8, "precision": []}
    with tempfile.TemporaryDirectory() as folder:
        with HashIndex.open(folder, bits=result["bits"]) as index:
            ids = np.random.default_rng(0).permutation(len(codes))
            index.add(ids, codes)
            by_id = labels[np.argsort(ids)]
            for k in (1, 10, 100, 1000):
                plain = by_id[index.search(queries, k=k).ids] == query_labels[:, None]
                ranked = index.search(queries, k=k, margin=margins).ids
                finer = by_id[ranked] == query_labels[:, None]
                row = {"k": k, "hamming": plain.mean(), "margins": finer.mean()}
                result["precision"].append({name: float(value) for name, value in row.items()})
            directed, undirected = [], []
            engine.PROBING_SHARE = 1e9  # count the probes, whatever a scan would cost
            for query, margin in zip(queries, margins, strict=True):
                step = index.explain(query, k=10, margin=margin)[0]
                directed.append((step.probes, step.candidates))
                # Without direction: the Hamming ball that is sure to hold the ten.
                farthest = index.search(query, k=10, margin=margin).distances[0, -1]
                least = np.cumsum(np.sort(np.abs(margin)))
                radius = int(np.searchsorted(least, farthest, side="right"))
                step = index.explain(query, radius=radius)[0]
                undirected.append((step.probes, step.candidates))
        engine.PROBING_SHARE = share
        result["directed"] = np.median(directed, axis=0).tolist()
        result["undirected"] = np.median(undirected, axis=0).tolist()
    print(json.dumps(result))
    return result


def machine():
    """Where the figures come from."""
    lines = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    names = [line.split(":")[1].strip() for line in lines.splitlines() if "model name" in line]
    return {
        "cpu": f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores",
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "load_before": os.getloadavg()[0],
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "faiss": faiss.__version__,
            "usearch": usearch.__version__,
        },
    }


def draw(results, path):
    """The figure of the docs."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 3, figsize=(15, 8.5), layout="constrained")
    every = sorted(results["rows"], key=lambda row: row["n"])
    rows = [row for row in every if row["bits"] == 64 and row["data"] == "clustered"]
    names = list(dict.fromkeys(row["engine"] for row in rows))
    colours = {name: f"C{number}" for number, name in enumerate(names)}
    for axis, what in zip(axes[0, :2], ("top10", "top100"), strict=True):
        for name in names:
            own = [row for row in rows if row["engine"] == name]
            axis.loglog(
                [row["n"] for row in own],
                [row[what]["p50_us"] for row in own],
                "o-" if name in ("HashIndex", "FAISS Flat") else "o:",
                color=colours[name],
                label=name,
            )
        axis.set(title=f"one query, {what.replace('top', 'top-')}", xlabel="64-bit codes")
        axis.set_ylabel("median, us")
    axes[0, 0].legend()
    for name in names:
        own = [row for row in rows if row["engine"] == name]
        axes[0, 2].loglog(
            [row["n"] for row in own],
            [row["batch_top10_per_s"] for row in own],
            "o-",
            color=colours[name],
        )
    axes[0, 2].set(
        title=f"batches of {BATCH} (10 M: 200), top-10", xlabel="64-bit codes", ylabel="queries/s"
    )
    largest = max(row["n"] for row in rows)
    for row in rows:
        if row["n"] == min(largest, HNSW_LIMIT):
            point = row["top10"]["p50_us"], row["recall10"]
            axes[1, 0].semilogx(*point, "o", color=colours[row["engine"]])
            axes[1, 0].annotate(row["engine"], point, fontsize=8)
    axes[1, 0].set(title=f"{min(largest, HNSW_LIMIT):,} codes", xlabel="median, us")
    axes[1, 0].set_ylabel("recall of the ten nearest")
    ours = [row for row in every if row["engine"] in ("HashIndex", "FAISS Flat")]
    for number, bits in enumerate(sorted({row["bits"] for row in ours})):
        for name, line in (("HashIndex", "o-"), ("FAISS Flat", "x:")):
            own = [
                row
                for row in ours
                if (row["bits"], row["engine"], row["data"]) == (bits, name, "clustered")
            ]
            axes[1, 1].loglog(
                [row["n"] for row in own],
                [row["top10"]["p50_us"] for row in own],
                line,
                color=f"C{number}",
                label=f"{bits} bits" if name == "HashIndex" else None,
            )
    axes[1, 1].set(title="by length: HashIndex o, FAISS Flat x", xlabel="codes")
    axes[1, 1].set_ylabel("top-10, median, us")
    axes[1, 1].legend()
    gain = results["margins"]["precision"]
    for what in ("hamming", "margins"):
        axes[1, 2].semilogx(
            [row["k"] for row in gain], [row[what] for row in gain], "o-", label=what
        )
    axes[1, 2].set(title="digits, 32 bits: ranked by", xlabel="k", ylabel="precision")
    axes[1, 2].legend()
    figure.suptitle(results["machine"]["cpu"])
    figure.savefig(path, dpi=80)


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
        results = {"machine": machine(), "rows": [], "margins": margins_gain(), "numpy": []}

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
