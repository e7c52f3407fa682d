"""Figure and tables of what benchmarks.retrieval and benchmarks.ablation measured.

    python -m benchmarks.retrieval_report

Draws benchmarks/results/retrieval.png and writes the tables between the marks in
docs/retrieval.md.
"""

import json
import pathlib

import matplotlib.figure

from benchmarks import marked

ROOT = pathlib.Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "retrieval.md"
MARK = "measured"
MARKERS = {
    "semantic-hash": "o-",
    "ITQ": "s--",
    "PCA sign": "^--",
    "spectral hashing": "v--",
    "LSH": "x--",
}
METHODS = (
    "semantic-hash",
    "semantic-hash, real-valued",
    "ITQ",
    "PCA sign",
    "spectral hashing",
    "LSH",
)


def markdown():
    """The measured part of the page."""
    rows = json.loads((RESULTS / "retrieval.json").read_text())["rows"]
    parts = []
    for name in dict.fromkeys(row["data"] for row in rows):
        of_data = [row for row in rows if row["data"] == name]
        parts.append(_table(name, of_data, "precision_at_100", "precision at 100"))
        if any("map" in row for row in of_data):
            parts.append(_table(name, of_data, "map", "mean average precision"))
    if (RESULTS / "ablation.json").exists():
        parts.append(_ablation(json.loads((RESULTS / "ablation.json").read_text())))
    return "\n".join(parts)


def _table(name, rows, measure, title):
    lengths = sorted({row["bits"] for row in rows if row["bits"]})
    lines = [
        f"`{name}`, {title}:\n",
        "| | " + " | ".join(f"{bits} bits" for bits in lengths) + " |",
        "| --- |" + " ---: |" * len(lengths),
    ]
    for method in METHODS:
        found = {row["bits"]: row for row in rows if row["method"] == method and measure in row}
        if found:
            cells = [_cell(found[bits], measure) if bits in found else "" for bits in lengths]
            lines.append(f"| {method} | " + " | ".join(cells) + " |")
    exact = [row for row in rows if row["method"] == "exact search" and measure in row]
    if exact:
        mean = exact[0][measure]["mean"]
        lines.append(f"\nExact search among the raw vectors: {mean:.3f}.")
    return "\n".join(lines) + "\n"


def _cell(row, measure):
    value = row[measure]
    spread = f" ± {value['std']:.3f}" if row["seeds"] > 1 else ""
    return f"{value['mean']:.3f}{spread}"


def _ablation(result):
    rows = result["rows"]
    names = list(next(iter(rows.values())))
    lines = [
        "What each part of the recipe does (`python -m benchmarks.ablation`: 32 bits, "
        f"`ng20_bydate_2000stem`, {result['seeds']} seeds):\n",
        "| | " + " | ".join(names) + " |",
        "| --- |" + " ---: |" * len(names),
    ]
    for title, values in rows.items():
        cells = [f"{values[name]['mean']:.3f} ± {values[name]['std']:.3f}" for name in names]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def draw(rows, path):
    """Precision at 100 against the bits of a code, a panel for each data set."""
    names = list(dict.fromkeys(row["data"] for row in rows))
    figure = matplotlib.figure.Figure(
        figsize=(3.2 * len(names), 3.6), layout="constrained", dpi=110
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
    shown = {}
    for axis in figure.axes:
        handles, labels = axis.get_legend_handles_labels()
        shown |= dict(zip(labels, handles, strict=True))
    figure.legend(shown.values(), shown, loc="outside lower center", ncols=len(shown), fontsize=8)
    figure.savefig(path)


def main():
    """Draws and writes from the results files."""
    draw(json.loads((RESULTS / "retrieval.json").read_text())["rows"], RESULTS / "retrieval.png")
    marked.write(PAGE, MARK, markdown())


if __name__ == "__main__":
    main()
