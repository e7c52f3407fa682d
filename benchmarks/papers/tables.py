"""The papers' tables beside ours, as Markdown made from benchmarks/results/.

    python -m benchmarks.papers.tables

Writes them between the marks in README.md.
"""

import json
import math
import pathlib

from benchmarks import marked

ROOT = pathlib.Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
PAGE, MARK = ROOT / "README.md", "papers"
CLASSIFIED = ("k_sparse", "contractive", "stacked_denoising")
TITLES = {
    "k_sparse": "linear classifier on codes learnt without labels ([Makhzani & Frey "
    "2013](https://arxiv.org/abs/1312.5663), [2015](https://arxiv.org/abs/1409.2752))",
    "contractive": "one layer of 1000 units, fine-tuned ([Rifai et al. "
    "2011](https://icml.cc/2011/papers/455_icmlpaper.pdf))",
    "stacked_denoising": "three layers of 1000 units, fine-tuned ([Vincent et al. "
    "2010](https://jmlr.org/papers/v11/vincent10a.html))",
}
# What a table shows: its heading, the paper's figure beside it, and how both are written.
COLUMNS = {
    "error": ("error in %", "paper", "{:.2f}"),
    "jacobian": ("mean square of the Jacobian's entries", "paper_jacobian", "{:.1e}"),
    "saturated": ("saturated units", "paper_saturated", "{:.0%}"),
}


def markdown():
    """The section that stands in the README."""
    parts = []
    for name in CLASSIFIED:
        if not (RESULTS / f"{name}.json").exists():
            continue
        result = _read(name)
        columns = [
            column for column in COLUMNS if any(column in r for r in result["rows"].values())
        ]
        heads = [
            f"{head}, ours / paper (from memory)"
            for column, (head, *_) in COLUMNS.items()
            if column in columns
        ]
        lines = [
            f"MNIST, {TITLES[name]}:",
            "",
            f"| | {' | '.join(heads)} |",
            "| --- " * (1 + len(heads)) + "|",
        ]
        # In the paper's order, from the worst to the best.
        for row, values in sorted(result["rows"].items(), key=_paper, reverse=True):
            cells = (_beside(values, column, *COLUMNS[column][1:]) for column in columns)
            lines.append(f"| {row} | {' | '.join(cells)} |")
        parts.append("\n".join([*lines, "", _made_by(result)]))
    linear = _read("principal_components")
    values = linear["rows"]["linear, 32 units"]
    parts.append(
        "32 linear units span the space of MNIST's first 32 principal components: the largest "
        f"principal angle is {values['largest_angle']:.4f} rad. {_made_by(linear)}"
    )
    return "\n\n".join(parts) + "\n"


def _read(name):
    return json.loads((RESULTS / f"{name}.json").read_text())


def _paper(item):
    return item[1]["paper"] or math.inf


def _beside(values, column, paper, form):
    ours, published = (
        "-" if values.get(key) is None else form.format(values[key]) for key in (column, paper)
    )
    spread = f"{column}_std"
    if spread in values:
        ours += f" ± {form.format(values[spread])}"
    return f"{ours} / {published}"


def _made_by(result):
    machine = result["machine"]
    others = "".join(
        f"; {row}: {_written(values['settings'])}"
        for row, values in result["rows"].items()
        if "settings" in values
    )
    seeds = sorted({seed for values in result["rows"].values() for seed in values.get("seeds", {})})
    averaged = f", means of the seeds {', '.join(seeds)}" if seeds else ""
    return (
        f"(`{result['command']}`: {_written(result['settings'])}{averaged}{others}; "
        f"{machine['cores']} cores of an {machine['cpu']}.)"
    )


def _written(settings):
    return ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in settings.items())


def main():
    """Writes the section."""
    marked.write(PAGE, MARK, markdown())


if __name__ == "__main__":
    main()
