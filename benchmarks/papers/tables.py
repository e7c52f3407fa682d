"""The papers' tables beside ours, as Markdown made from benchmarks/results/.

    python -m benchmarks.papers.tables

Writes them between the marks in README.md.
"""

import json
import pathlib

ROOT = pathlib.Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
MARKS = ("<!-- papers -->\n", "<!-- end of papers -->\n")
CLASSIFIED = ("k_sparse", "contractive", "stacked_denoising")
TITLES = {
    "k_sparse": "linear classifier on codes learnt without labels ([Makhzani & Frey "
    "2013](https://arxiv.org/abs/1312.5663), [2015](https://arxiv.org/abs/1409.2752))",
    "contractive": "one layer of 1000 units, fine-tuned ([Rifai et al. "
    "2011](https://icml.cc/2011/papers/455_icmlpaper.pdf))",
    "stacked_denoising": "three layers of 1000 units, fine-tuned ([Vincent et al. "
    "2010](https://jmlr.org/papers/v11/vincent10a.html))",
}


def markdown():
    """The section that stands in the README."""
    parts = []
    for name in CLASSIFIED:
        if not (RESULTS / f"{name}.json").exists():
            continue
        result = _read(name)
        lines = [
            f"MNIST, {TITLES[name]}, error in %:",
            "",
            "| | ours | paper (from memory) |",
            "| --- | --- | --- |",
        ]
        for row, values in result["rows"].items():
            lines.append(f"| {row} | {_number(values['error'])} | {_number(values['paper'])} |")
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


def _number(value):
    return "" if value is None else f"{value:.2f}"


def _made_by(result):
    settings = ", ".join(f"{key.replace('_', ' ')} {v}" for key, v in result["settings"].items())
    machine = result["machine"]
    return f"(`{result['command']}`: {settings}; {machine['cores']} cores of an {machine['cpu']}.)"


def main():
    """Writes the section."""
    path = ROOT / "README.md"
    before, rest = path.read_text().split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    path.write_text(before + MARKS[0] + markdown() + MARKS[1] + after)


if __name__ == "__main__":
    main()
