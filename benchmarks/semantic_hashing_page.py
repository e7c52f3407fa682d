"""The figure of benchmarks.semantic_hashing, and the tables of its page, from its results.

    python -m benchmarks.semantic_hashing_page

Writes both anew without training.
"""

import json
import pathlib

import matplotlib.figure

from benchmarks import marked

RESULTS = pathlib.Path(__file__).parent / "results"
PAGE = pathlib.Path(__file__).parents[1] / "docs" / "semantic_hashing.md"
MARK = "results"
RECIPES = {"paper": "paper's recipe", "taught": "taught codes"}
STYLES = {
    "TF-IDF": ("black", "-"),
    "LSA": ("grey", "-"),
    "paper, 128 bits": ("tab:blue", "-"),
    "paper, 20 bits": ("tab:blue", "--"),
    "taught, 128 bits": ("tab:orange", "-"),
    "taught, 20 bits": ("tab:orange", "--"),
    "paper, TF-IDF in the ball": ("tab:blue", "-."),
    "taught, TF-IDF in the ball": ("tab:orange", "-."),
}
PANELS = {
    "every post ranked": [name for name in STYLES if "ball" not in name],
    "20-bit codes address a table: the ball of radius 4": [
        name for name in STYLES if name == "TF-IDF" or "20" in name or "ball" in name
    ],
}
IN_TABLE = (1, 10, 100, 1024)


def draw(result):
    """Codes beside real-valued search, and the hash table beside TF-IDF over everything."""
    figure = matplotlib.figure.Figure(figsize=(11, 4.2), layout="constrained", dpi=110)
    axes = figure.subplots(1, 2, sharey=True)
    for axis, (title, names) in zip(axes, PANELS.items(), strict=True):
        for name in names:
            found = result["curves"][name]
            color, line = STYLES[name]
            axis.plot(found["recall"], found["precision"], line, color=color, label=_title(name))
        axis.set_title(title, fontsize=10)
        axis.set_xscale("log")
        axis.set_xticks([0.001, 0.01, 0.1, 1], ["0.1 %", "1 %", "10 %", "100 %"])
        axis.set_xlabel("recall")
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
    axes[0].set_ylabel("precision")
    figure.savefig(RESULTS / "semantic_hashing.png")


def markdown(result):
    """The tables of the page."""
    at = [result["curves"]["TF-IDF"]["ranks"].index(rank) for rank in IN_TABLE]
    lines = [
        "| ranking | " + " | ".join(f"P@{rank:,}" for rank in IN_TABLE) + " | recall at its end |",
        "| --- |" + " ---: |" * (len(IN_TABLE) + 1),
    ]
    for name, found in result["curves"].items():
        values = " | ".join(f"{found['precision'][i]:.3f}" for i in at)
        lines.append(f"| {_title(name)} | {values} | {100 * found['recall'][-1]:.0f} % |")
    everything = result["curves"]["TF-IDF"]["precision"][at[IN_TABLE.index(100)]]
    for recipe, title in RECIPES.items():
        table = result["table"][recipe]
        scan = min(table["everything_microseconds"].values())
        encoding = result["encode_microseconds"][f"{recipe}, 20 bits"]
        lines += [
            "",
            f"20 bits, {title}; TF-IDF over everything has P@100 {everything:.3f} and takes "
            f"{scan:,.0f} µs; encoding a post, which comes on top of the times within radii, "
            f"{encoding:.0f} µs in batches of 1,000:",
            "",
            "| radius | posts in the ball: mean | median | queries with none | precision | recall "
            "| TF-IDF inside: P@100 | µs |",
            "| ---: |" + " ---: |" * 7,
        ]
        for row in table["radii"]:
            lines.append(
                f"| {row['radius']} | {row['posts']:,.1f} | {row['median_posts']:,.0f} "
                f"| {row['empty']:,} | {row['precision']:.3f} | {row['recall']:.3f} "
                f"| {row['precision_at_100']:.3f} | {row['microseconds']:,.0f} |"
            )
    if result["choice"]:
        choices = sorted({row["epochs"] for row in result["choice"]})
        lines += [
            "",
            "How long to train the paper's recipe, by cross-entropy through the bits of held-out "
            "training posts, in nats a word:",
            "",
            "| epochs | " + " | ".join(str(epochs) for epochs in choices) + " |",
            "| --- |" + " ---: |" * len(choices),
        ]
        for bits in sorted({row["bits"] for row in result["choice"]}, reverse=True):
            errors = {
                r["epochs"]: r["held_out_error"] for r in result["choice"] if r["bits"] == bits
            }
            values = " | ".join(f"{errors[epochs]:.3f}" for epochs in choices)
            lines.append(f"| {bits} bits | {values} |")
    epochs, machine = result["epochs"], result["machine"]
    lines += [
        "",
        f"Seed {result['seed']}, {epochs['paper']} epochs of the paper's recipe and "
        f"{epochs['taught']} with taught codes; {machine['cores']} cores of an {machine['cpu']}.",
    ]
    return "\n".join(lines) + "\n"


def write_tables(result):
    """Writes the tables between the marks of the page."""
    marked.write(PAGE, MARK, markdown(result))


def _title(name):
    for recipe, title in RECIPES.items():
        name = name.replace(f"{recipe},", f"{title},")
    return name


def main():
    """Writes figure and tables from the results file."""
    result = json.loads((RESULTS / "semantic_hashing.json").read_text())
    draw(result)
    write_tables(result)


if __name__ == "__main__":
    main()
