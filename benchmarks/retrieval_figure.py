"""The figure of benchmarks.retrieval."""

import matplotlib.figure

MARKERS = {
    "semantic-hash": "o-",
    "ITQ": "s--",
    "PCA sign": "^--",
    "spectral hashing": "v--",
    "LSH": "x--",
}


def draw(rows, path):
    """Precision at 100 against the bits of a code, a panel for each data set."""
    names = list(dict.fromkeys(row["data"] for row in rows))
    figure = matplotlib.figure.Figure(
        figsize=(3.2 * len(names), 3.4), layout="constrained", dpi=110
    )
    for axis, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        of_data = [row for row in rows if row["data"] == name]
        for method, marker in MARKERS.items():
            line = sorted(
                (row["bits"], row["precision_at_100"]["mean"], row["precision_at_100"]["std"])
                for row in of_data
                if row["method"] == method
            )
            if line:
                bits, means, spreads = zip(*line, strict=True)
                axis.errorbar(bits, means, spreads, fmt=marker, markersize=4, label=method)
        for row in of_data:
            if row["method"] == "exact search":
                mean = row["precision_at_100"]["mean"]
                axis.axhline(mean, color="grey", linestyle=":", label="exact search")
        axis.set_xscale("log", base=2)
        axis.set_xticks([8, 16, 32, 64, 128], ["8", "16", "32", "64", "128"])
        axis.set_title(name, fontsize=9)
        axis.set_xlabel("bits")
    figure.axes[0].set_ylabel("precision at 100")
    figure.axes[0].legend(fontsize=7)
    figure.savefig(path)
