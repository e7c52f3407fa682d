"""The pictures of a report, as matplotlib figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.figure
import matplotlib.lines
import numpy as np

from zoo.evaluation.maps import map_rows, two_dimensional_maps

BLUE, ORANGE = "#33669a", "#cc6b2c"


def reconstructions(rows: list[tuple[str, np.ndarray]]) -> matplotlib.figure.Figure:
    """Images in columns, one kind a row.

    Args:
        rows: Names and images `[n, height, width, channels]` in [0, 1].
    """
    count = len(rows[0][1])
    figure = _figure(0.9 * count + 1.2, 0.95 * len(rows))
    grid = figure.subplots(len(rows), count, squeeze=False)
    for (name, images), axes in zip(rows, grid, strict=True):
        for axis, image in zip(axes, images, strict=True):
            show_image(axis, image)
        axes[0].set_ylabel(name, rotation=0, ha="right", va="center")
    return figure


def profiles(inputs: np.ndarray, outputs: np.ndarray) -> matplotlib.figure.Figure:
    """Vectors beside their reconstructions, as curves over the components."""
    figure = _figure(9, 1.1 * len(inputs))
    for axis, x, y in zip(figure.subplots(len(inputs), 1), inputs, outputs, strict=True):
        axis.plot(np.ravel(x), color=BLUE, lw=1, label="input")
        axis.plot(np.ravel(y), color=ORANGE, lw=1, label="reconstruction")
        axis.set_xticks([])
    figure.axes[0].legend(loc="upper right", fontsize=8)
    return figure


def neighbours(
    queries: np.ndarray, found: list[np.ndarray], captions: list[list[str]]
) -> matplotlib.figure.Figure:
    """Each query and, to its right, what was found.

    Args:
        queries: Images `[q, height, width, channels]`.
        found: For each query, images of its neighbours.
        captions: For each query, a caption of each neighbour.
    """
    columns = 1 + max(len(images) for images in found)
    figure = _figure(0.95 * columns + 0.4, 1.2 * len(queries))
    for axes, query, images, texts in zip(
        figure.subplots(len(queries), columns, squeeze=False), queries, found, captions, strict=True
    ):
        show_image(axes[0], query)
        axes[0].set_title("query", fontsize=8)
        for spine in axes[0].spines.values():
            spine.set(visible=True, color=ORANGE, linewidth=2)
        for axis in axes[1:]:
            axis.axis("off")
        for axis, image, text in zip(axes[1:], images, texts, strict=False):
            show_image(axis, image)
            axis.set_title(text, fontsize=8)
    return figure


def activation_histograms(histograms: np.ndarray) -> matplotlib.figure.Figure:
    """Activations after the first and the last epoch, and all epochs between as a map.

    Args:
        histograms: Counts `[epochs, bins]` over [0, 1].
    """
    shares = histograms / histograms.sum(1, keepdims=True)
    edges = np.linspace(0, 1, shares.shape[1] + 1)
    figure = _figure(10, 3)
    first, last, course = figure.subplots(1, 3, width_ratios=(1, 1, 1.3))
    top = 1.08 * max(shares[0].max(), shares[-1].max())
    for axis, share, title in (
        (first, shares[0], "before the noise has grown (epoch 1)"),
        (last, shares[-1], f"after (epoch {len(shares)})"),
    ):
        axis.stairs(share, edges, fill=True, color=BLUE)
        axis.set(xlabel="activation", ylim=(0, top))
        axis.set_title(title, fontsize=9)
    first.set_ylabel("share of activations")
    course.imshow(
        np.log10(shares.T + 1e-4),
        aspect="auto",
        origin="lower",
        extent=(0.5, len(shares) + 0.5, 0, 1),
        cmap="Blues",
    )
    course.set(xlabel="epoch", ylabel="activation")
    course.set_title("through training (darker: more)", fontsize=9)
    return figure


def code_map(
    codes: np.ndarray, labels: np.ndarray | None, full: bool = False
) -> matplotlib.figure.Figure:
    """Codes in two dimensions: themselves if they have two units, else by PCA, t-SNE, UMAP.

    Args:
        codes: `[n, size]`; up to 1,500 evenly spaced rows are drawn.
        labels: Colours `[n]`, or `None`.
        full: Whether to draw up to 5,000 rows, and UMAP.
    """
    some = map_rows(len(codes), full)
    maps = two_dimensional_maps(codes[some], full)
    figure = _figure(max(5.0, 4.7 * len(maps)) + 0.6, 4.6)
    colours: dict[str, Any] = {"color": BLUE}
    names = np.zeros(0)
    if labels is not None:
        names, numbers = np.unique(labels[some], return_inverse=True)
        colours = {"c": numbers, "cmap": "tab10" if len(names) <= 10 else "nipy_spectral"}
    axes = figure.subplots(1, max(1, len(maps)), squeeze=False)[0]
    for axis in axes:
        axis.set(xticks=[], yticks=[])
    for axis, (name, points) in zip(axes, maps.items(), strict=False):
        dots = axis.scatter(*points.T, s=6, lw=0, **colours)
        title = "the two units of the code" if name == "code" else f"{name} of the codes"
        axis.set_title(title, fontsize=9)
    if maps and 0 < len(names) <= 10:
        handles = [
            matplotlib.lines.Line2D([], [], ls="", marker="o", color=dots.cmap(dots.norm(i)))
            for i in range(len(names))
        ]
        figure.legend(
            handles,
            [str(name) for name in names],
            loc="outside right center",
            title="label",
            fontsize=8,
        )
    return figure


def curves(history: list[dict[str, float]]) -> matplotlib.figure.Figure:
    """The course of training: errors on the left, everything in [0, 1] beside noise right."""
    figure = _figure(10, 3)
    errors, others = figure.subplots(1, 2)
    names = {name for row in history for name in row} - {"epoch", "val_noise_stddev"}
    for name in sorted(names):
        axis = errors if "loss" in name or "error" in name else others
        axis.plot([row.get(name, np.nan) for row in history], label=name, lw=1.2)
    for axis in (errors, others):
        axis.set_xlabel("epoch")
        if axis.lines:
            axis.legend(fontsize=7)
    return figure


def courses(
    runs: Mapping[str, Sequence[Mapping[str, float]]], measure: str
) -> matplotlib.figure.Figure:
    """One measure of several trainings over the epochs."""
    figure = _figure(8, 3)
    axis = figure.subplots()
    for name, history in runs.items():
        axis.plot([row.get(measure, np.nan) for row in history], label=name, lw=1.2)
    axis.set(xlabel="epoch", ylabel=measure)
    axis.legend(fontsize=7)
    return figure


def extremes(
    errors: np.ndarray, inputs: np.ndarray, outputs: np.ndarray, chosen: dict[str, np.ndarray]
) -> matplotlib.figure.Figure:
    """Rows of the smallest, median and largest error with their reconstructions.

    Args:
        errors: Of all rows `[m]`, drawn as a histogram.
        inputs: Preprocessed chosen rows, the groups one after the other.
        outputs: Their reconstructions.
        chosen: Names of groups to the indices of their rows in `errors`.
    """
    columns = len(inputs)
    is_image = inputs.ndim == 4 and inputs.shape[-1] in (1, 3)
    figure = _figure(max(9.0, 0.95 * columns), 5.4)
    pictures, histogram = figure.subfigures(2, 1, height_ratios=(1.2, 1), squeeze=False)[:, 0]
    grid = pictures.subplots(2 if is_image else 1, columns, squeeze=False)
    captions = [f"{name}\n{errors[i]:.3g}" for name, rows in chosen.items() for i in rows]
    for i, caption in enumerate(captions):
        axis = grid[0, i]
        axis.set_title(caption, fontsize=8)
        if is_image:
            show_image(axis, inputs[i])
            show_image(grid[1, i], outputs[i])
        else:
            axis.plot(np.ravel(inputs[i]), color=BLUE, lw=0.8)
            axis.plot(np.ravel(outputs[i]), color=ORANGE, lw=0.8)
            axis.set(xticks=[], yticks=[])
    axis = histogram.subplots()
    axis.hist(errors[np.isfinite(errors)], bins=50, color=BLUE)
    axis.set(xlabel="reconstruction error", ylabel="test rows")
    return figure


def robustness(runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> matplotlib.figure.Figure:
    """Errors and accuracies against noise and missing rate.

    Args:
        runs: Names to the lines of `zoo.evaluation.robustness`; with one run, the accuracy on
            raw inputs is drawn too.
    """
    measures = {"reconstruction_error": "reconstruction error"}
    if any("linear_accuracy" in line for lines in runs.values() for line in lines):
        measures["linear_accuracy"] = "linear probe's accuracy"
    figure = _figure(10, 3.2 * len(measures))
    grid = figure.subplots(len(measures), 2, squeeze=False, sharey="row")
    for axes, (measure, title) in zip(grid, measures.items(), strict=True):
        for axis, corruption in zip(axes, ("noise", "missing"), strict=True):
            for name, lines in runs.items():
                some = [line for line in lines if line["corruption"] == corruption]
                levels = [line["level"] for line in some]
                axis.plot(levels, [line.get(measure) for line in some], "o-", ms=3, label=name)
                raw = [line.get(f"{measure}_raw_input") for line in some]
                if len(runs) == 1 and None not in raw:
                    axis.plot(levels, raw, "o--", ms=3, color="grey", label="raw input")
            axis.set(xlabel={"noise": "noise (standard deviations)"}.get(corruption, "missing"))
        axes[0].set_ylabel(title)
        axes[0].legend(fontsize=7)
    return figure


def by_radius(runs: Mapping[str, Sequence[Mapping[str, float]]]) -> matplotlib.figure.Figure:
    """Precision and recall by Hamming radius, and the one against the other.

    Args:
        runs: Names to the lines of `zoo.evaluation.retrieval.by_radius`.
    """
    figure = _figure(10, 3.2)
    radius, curve = figure.subplots(1, 2)
    for name, lines in runs.items():
        radii, precision, recall = (
            [line[key] for line in lines] for key in ("radius", "precision", "recall")
        )
        what = f", {name}" if len(runs) > 1 else ""
        [drawn] = radius.plot(radii, precision, label=f"precision{what}")
        radius.plot(radii, recall, "--", color=drawn.get_color(), label=f"recall{what}")
        curve.plot(recall, precision, "o-", ms=3, label=name)
    radius.set(xlabel="Hamming radius", ylim=(-0.02, 1.02))
    curve.set(xlabel="recall", ylabel="precision", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    radius.legend(fontsize=7)
    return figure


def show_image(axis: matplotlib.axes.Axes, image: np.ndarray) -> None:
    """Draws one image `[height, width, channels]`, grey or RGB, in [0, 1] or bytes."""
    top = 255 if image.dtype == np.uint8 else 1
    if image.shape[-1] == 1:
        axis.imshow(image[..., 0], cmap="gray", vmin=0, vmax=top)
    else:
        axis.imshow(image if top == 255 else image.clip(0, 1))
    axis.set(xticks=[], yticks=[])
    for spine in axis.spines.values():
        spine.set_visible(False)


def _figure(width: float, height: float) -> matplotlib.figure.Figure:
    return matplotlib.figure.Figure(figsize=(width, height), layout="constrained", dpi=110)
