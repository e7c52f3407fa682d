"""The pictures of a report, as matplotlib figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.figure
import matplotlib.lines
import matplotlib.patches
import matplotlib.ticker
import numpy as np

from zoo.evaluation.maps import map_rows, two_dimensional_maps

BLUE, ORANGE = "#33669a", "#cc6b2c"
# Components that are drawn by name, and channels of a series, of one row.
MAX_NAMED, MAX_CHANNELS = 40, 4
# Labels that colours tell apart.
MAX_COLOURS = 10
# Between images, in their widths.
GAP = 0.08
POINTS: dict[str, dict[str, Any]] = {
    "input": {"ls": "", "marker": "o", "ms": 4, "color": BLUE},
    "reconstruction": {"ls": "", "marker": "o", "ms": 5, "mfc": "none", "color": ORANGE},
}


def reconstructions(
    rows: Sequence[tuple[str, np.ndarray]], titles: Sequence[str] = ()
) -> matplotlib.figure.Figure:
    """Images in columns, one kind a row.

    Args:
        rows: Names and images `[n, height, width, channels]` in [0, 1].
        titles: Of the columns, two lines each.
    """
    count = len(rows[0][1])
    side = min(0.9, 9 / count)
    figure = new_figure(side * count + 1.2, 1.05 * side * len(rows) + (0.4 if titles else 0))
    axis = figure.subplots()
    columns, lines = image_grid(axis, [images for _, images in rows])
    axis.set_yticks(lines, [name for name, _ in rows])
    axis.set_xticks(columns[: len(titles)], titles, fontsize=8)
    axis.tick_params(length=0, labeltop=True, labelbottom=False)
    return figure


def profiles(
    inputs: np.ndarray,
    outputs: np.ndarray,
    titles: Sequence[str],
    names: Sequence[str] = (),
    ordered: bool = False,
) -> matplotlib.figure.Figure:
    """Vectors or series beside their reconstructions.

    Args:
        inputs: Preprocessed rows `[n, size]` or `[n, steps, channels]`.
        outputs: Their reconstructions.
        titles: What the rows are called.
        names: Of the components; up to `MAX_NAMED` are drawn with them, in panels side by side.
        ordered: Whether components follow each other in time, so that a line may join them.
    """
    if names:
        return _named_components(inputs, outputs, titles, names)
    figure = new_figure(9, 1.3 * len(inputs) + 0.7)
    axes = figure.subplots(len(inputs), 1, squeeze=False, sharex=True)[:, 0]
    for axis, x, y, title in zip(axes, inputs, outputs, titles, strict=True):
        if ordered:
            x, y = x.reshape(len(x), -1), y.reshape(len(y), -1)
            y = y[: series_length(x)]
            for channel in range(min(MAX_CHANNELS, x.shape[1])):
                axis.plot(x[:, channel], color=f"C{channel}", lw=1.2)
                axis.plot(y[:, channel], color=f"C{channel}", lw=1.2, ls="--")
        else:
            places = np.arange(x.size)
            axis.plot(places, np.ravel(x), **POINTS["input"])
            axis.plot(places, np.ravel(y), **POINTS["reconstruction"])
        axis.set_ylabel(title, fontsize=8)
    axes[-1].set_xlabel("step" if ordered else "component")
    if ordered:
        channels = min(MAX_CHANNELS, inputs[0].reshape(len(inputs[0]), -1).shape[1])
        keys = [{"color": "black"}, {"color": "black", "ls": "--"}]
        keys += [{"color": f"C{channel}"} for channel in range(channels)]
        labels = ["input", "reconstruction", *(f"channel {i}" for i in range(channels))]
        count = 2 if channels == 1 else len(labels)
        _legend(figure, keys[:count], labels[:count])
    else:
        _legend(figure, list(POINTS.values()), list(POINTS))
    return figure


def series_length(series: np.ndarray) -> int:
    """Steps of `[steps, channels]` up to the last that was observed; padding comes after it."""
    observed = np.flatnonzero(~np.isnan(series).all(axis=1))
    return int(observed[-1]) + 1 if len(observed) else 0


def _named_components(
    inputs: np.ndarray, outputs: np.ndarray, titles: Sequence[str], names: Sequence[str]
) -> matplotlib.figure.Figure:
    shown = min(MAX_NAMED, len(names))
    places = np.arange(shown)
    width = 0.085 * max(len(name) for name in names[:shown])
    figure = new_figure(max(5.0, width + 1.5 * len(inputs)), 0.22 * shown + 1.3)
    axes = figure.subplots(1, len(inputs), squeeze=False, sharey=True, sharex=True)[0]
    for axis, x, y, title in zip(axes, inputs, outputs, titles, strict=True):
        x, y = np.ravel(x)[:shown], np.ravel(y)[:shown]
        axis.hlines(places, x, y, color="#c9d1d9", lw=1.5, zorder=1)
        axis.plot(x, places, **POINTS["input"])
        axis.plot(y, places, **POINTS["reconstruction"])
        axis.set_title(title, fontsize=8)
        axis.grid(axis="y", color="#eef1f4")
    axes[0].set(yticks=places, ylim=(shown - 0.5, -0.5))
    axes[0].set_yticklabels(names[:shown], fontsize=8)
    _legend(figure, list(POINTS.values()), list(POINTS))
    return figure


def errors(values: np.ndarray, unit: str) -> matplotlib.figure.Figure:
    """A histogram of reconstruction errors `[m]`."""
    figure = new_figure(9, 2.6)
    axis = figure.subplots()
    finite = values[np.isfinite(values)]
    axis.hist(finite, bins=min(50, max(5, len(finite) // 4)), color=BLUE)
    axis.yaxis.set_major_locator(matplotlib.ticker.MaxNLocator(integer=True))
    axis.set(xlabel=f"reconstruction error ({unit})", ylabel="test rows")
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
    figure = new_figure(0.95 * columns + 0.4, 1.2 * len(queries))
    axis = figure.subplots()
    rows = [[query, *images] for query, images in zip(queries, found, strict=True)]
    centres, lines = image_grid(axis, rows, room_above=0.25)
    half = queries.shape[1] / queries.shape[2] / 2
    for line, texts in zip(lines, captions, strict=True):
        for centre, text in zip(centres, ["query", *texts], strict=False):
            axis.text(centre, line - half - 0.04, text, fontsize=8, ha="center", va="bottom")
        frame = (centres[0] - 0.5, line - half), 1, 2 * half
        axis.add_patch(matplotlib.patches.Rectangle(*frame, fill=False, ec=ORANGE, lw=2))
    axis.set(xticks=[], yticks=[])
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
    figure = new_figure(max(5.0, 4.7 * len(maps)) + 0.6, 4.6)
    colours: dict[str, Any] = {"color": BLUE}
    names = np.zeros(0)
    if labels is not None:
        names, numbers = np.unique(labels[some], return_inverse=True)
        colours = {"c": numbers, "cmap": "nipy_spectral"}
        if len(names) <= MAX_COLOURS:
            colours = {"c": numbers, "cmap": "tab10", "vmin": 0, "vmax": 9}
    axes = figure.subplots(1, max(1, len(maps)), squeeze=False)[0]
    for axis, (name, points) in zip(axes, maps.items(), strict=False):
        dots = axis.scatter(*points.T, s=6 if len(some) > 500 else 18, lw=0, **colours)
        if name == "code":
            axis.set(xlabel="first unit of the code", ylabel="second unit")
        else:
            axis.set(xticks=[], yticks=[])
            axis.set_title(f"{name} of the codes", fontsize=9)
    if maps and 0 < len(names) <= MAX_COLOURS:
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


def image_grid(
    axis: matplotlib.axes.Axes,
    rows: Sequence[Sequence[np.ndarray] | np.ndarray],
    room_above: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Draws images of one size in rows, all on one axis: an axis for each takes far longer.

    Args:
        axis: Where to.
        rows: Images `[height, width, channels]`, grey or RGB, in [0, 1] or bytes.
        room_above: Room above each row, for captions, in widths of an image.

    Returns:
        The centres of the columns, and those of the rows, in widths of an image.
    """
    height, width = rows[0][0].shape[:2]
    tall = height / width
    lefts = np.arange(max(len(images) for images in rows)) * (1 + GAP)
    tops = np.arange(len(rows)) * (tall + GAP + room_above) + room_above
    for top, images in zip(tops, rows, strict=True):
        for left, image in zip(lefts, images, strict=False):
            place = (left, left + 1, top + tall, top)
            white = 255 if image.dtype == np.uint8 else 1
            if image.shape[-1] == 1:
                how: dict[str, Any] = {"cmap": "gray", "vmin": 0, "vmax": white}
                axis.imshow(image[..., 0], extent=place, **how)
            else:
                axis.imshow(image if white == 255 else image.clip(0, 1), extent=place)
    axis.set(xlim=(-GAP, lefts[-1] + 1 + GAP), ylim=(tops[-1] + tall + GAP, -GAP), frame_on=False)
    axis.set_anchor("NW")  # or the layout takes the gap beside a narrower axis for room for names
    return lefts + 0.5, tops + tall / 2


def new_figure(width: float, height: float) -> matplotlib.figure.Figure:
    """A figure of so many inches whose parts make room for each other."""
    return matplotlib.figure.Figure(figsize=(width, height), layout="constrained", dpi=110)


def _legend(
    figure: matplotlib.figure.Figure, styles: Sequence[dict[str, Any]], labels: Sequence[str]
) -> None:
    keys = [matplotlib.lines.Line2D([], [], **style) for style in styles]
    figure.legend(keys, labels, loc="outside upper left", ncols=len(labels), fontsize=8)
