"""The figure of `docs/index.md`, from what `benchmarks.index` measured."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from benchmarks.index_engines import BATCH, HNSW_LIMIT


def draw(results, path):
    """The figure of the docs."""
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
    figure.suptitle(f"{results['machine']['cpu']}, {results['machine']['cores']} cores")
    figure.savefig(path, dpi=80)
