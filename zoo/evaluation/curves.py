"""The curves of a report, as matplotlib figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.axes
import matplotlib.figure
import matplotlib.ticker
import numpy as np

from zoo.evaluation.figures import BLUE, ORANGE, new_figure

History = Sequence[Mapping[str, float]]

COLUMNS = 3
# Up to so many epochs each is marked by a point.
MARKED = 20
# Beyond this ratio of the largest to the smallest value a logarithmic axis reads better.
DECADES = 30
# Characters of a legend's line.
LEGEND_WIDTH = 120
STYLES: dict[str, dict[str, Any]] = {
    "": {"color": BLUE, "label": "training"},
    "val_": {"color": ORANGE, "label": "validation"},
    "val_binarized_error": {"color": ORANGE, "ls": "--", "label": "validation, from the bits"},
}


def training(history: History, unit: str) -> matplotlib.figure.Figure:
    """The course of training, a panel for each measure.

    Args:
        history: One row an epoch. Where codes are taught, `val_loss` is left out: validation
            teaches none, so that it is no such sum as `loss`.
        unit: Of the reconstruction error.
    """
    panels = _panels(history)
    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    figure = new_figure(max(3.4 * columns, 5.0), 2.7 * rows)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis, (name, measures) in zip(grid, panels.items(), strict=False):
        for measure in measures:
            kind = "val_" if measure.startswith("val_") else ""
            _draw(axis, history, measure, **STYLES.get(measure, STYLES[kind]))
        units = {"reconstruction_error": unit, "code_error": "nats per bit"}
        axis.set_title(_with_unit(name.replace("_", " "), units.get(name, "")), fontsize=9)
        _finish(axis)
        if len(measures) > 1:
            axis.legend(fontsize=8)
    for axis in grid[len(panels) :]:
        axis.remove()
    return figure


def loss_is_error(history: History) -> bool:
    """Whether nothing is added to the reconstruction error, so that one picture shows both."""
    losses, errors = (
        [row.get(f"{kind}{what}", np.nan) for row in history for kind in ("", "val_")]
        for what in ("loss", "reconstruction_error")
    )
    return bool(np.allclose(losses, errors, rtol=1e-4))


def _panels(history: History) -> dict[str, list[str]]:
    """Titles of panels to the measures that can share an axis."""
    names = {name for row in history for name in row} - {"epoch", "val_noise_stddev"}
    if "code_error" in names:
        names.discard("val_loss")
    if loss_is_error(history):
        names -= {"loss", "val_loss"}
    panels: dict[str, list[str]] = {"loss": [], "reconstruction_error": []}
    for name in sorted(names):
        measure = name.removeprefix("val_")
        measure = "reconstruction_error" if measure == "binarized_error" else measure
        panels.setdefault(measure, []).append(name)
    # Training first, and the error from bits after the one from activations.
    order = ("val_", "val_binarized_error")
    return {
        panel: sorted(of_panel, key=lambda name: (name.startswith(order[0]), name == order[1]))
        for panel, of_panel in panels.items()
        if of_panel
    }


def courses(
    runs: Mapping[str, History], measure: str, units: Mapping[str, str]
) -> matplotlib.figure.Figure:
    """One error of several trainings over the epochs, a panel for each unit.

    Args:
        runs: Names to one row an epoch.
        measure: Which error.
        units: Names to units of the error; what is unknown is empty.
    """
    groups = _by_unit(runs, units)
    figure = new_figure(8, 2.6 * len(groups) + 0.6)
    axes = figure.subplots(len(groups), 1, squeeze=False)[:, 0]
    styles = _styles(runs)
    for axis, (unit, names) in zip(axes, groups.items(), strict=True):
        for name in names:
            _draw(axis, runs[name], measure, **styles[name])
        axis.set_ylabel(_with_unit(measure.removeprefix("val_").replace("_", " "), unit))
        _finish(axis)
    _legend(figure, runs)
    return figure


def robustness(
    runs: Mapping[str, Sequence[Mapping[str, Any]]], units: Mapping[str, str]
) -> matplotlib.figure.Figure:
    """Errors, a row of panels for each unit, and accuracies against noise and missing rate.

    Args:
        runs: Names to the lines of `zoo.evaluation.robustness`, which may be none; with one run,
            the accuracy on raw inputs is drawn too.
        units: Names to units of the reconstruction error; what is unknown is empty.
    """
    measures = [
        ("reconstruction_error", _with_unit("reconstruction error", unit), names)
        for unit, names in _by_unit(runs, units).items()
    ]
    probed = [n for n, lines in runs.items() if any("linear_accuracy" in line for line in lines)]
    if probed:
        measures.append(("linear_accuracy", "linear probe's accuracy", probed))
    figure = new_figure(10, 3.2 * len(measures))
    grid = figure.subplots(len(measures), 2, squeeze=False, sharey="row")
    styles = _styles(runs)
    for axes, (measure, title, names) in zip(grid, measures, strict=True):
        for axis, corruption, label in (
            (axes[0], "noise", "noise (standard deviations of the data)"),
            (axes[1], "missing", "share of components that are missing"),
        ):
            for name in names:
                some = [line for line in runs[name] if line["corruption"] == corruption]
                levels = [line["level"] for line in some]
                values = [line.get(measure) for line in some]
                _plot(axis, levels, values, **styles[name])
                raw = [line.get(f"{measure}_raw_input") for line in some]
                if len(runs) == 1 and None not in raw:
                    _plot(axis, levels, raw, ls="--", color="grey", label="raw input")
                    axis.legend(fontsize=8)
            axis.set_xlabel(label)
        axes[0].set_ylabel(title)
    _legend(figure, runs)
    return figure


def by_radius(runs: Mapping[str, Sequence[Mapping[str, float]]]) -> matplotlib.figure.Figure:
    """Precision and recall by Hamming radius, and the one against the other.

    Args:
        runs: Names to the lines of `zoo.evaluation.retrieval.by_radius`, which may be none.
    """
    figure = new_figure(10, 3.4)
    axes = figure.subplots(1, 3)
    styles = _styles(runs)
    for axis, x, y in zip(
        axes, ("radius", "radius", "recall"), ("precision", "recall", "precision"), strict=True
    ):
        for name, lines in runs.items():
            if lines:
                xs, ys = ([line[key] for line in lines] for key in (x, y))
                _plot(axis, xs, ys, **styles[name])
        axis.set(xlabel="Hamming radius (bits)" if x == "radius" else x, ylabel=y)
        axis.set_ylim(-0.02, 1.02)
        if x == "radius":
            axis.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(integer=True))
        else:
            axis.set_xlim(-0.02, 1.02)
    _legend(figure, runs)
    return figure


def activation_histograms(histograms: np.ndarray) -> matplotlib.figure.Figure:
    """Activations after the first and the last epoch, and all epochs between as a map.

    Args:
        histograms: Counts `[epochs, bins]` over [0, 1].
    """
    shares = histograms / histograms.sum(1, keepdims=True)
    edges = np.linspace(0, 1, shares.shape[1] + 1)
    last = len(shares) - 1
    several = last > 0
    figure = new_figure(10 if several else 5, 3)
    widths = (1, 1, 1.3) if several else (1,)
    axes = figure.subplots(1, len(widths), width_ratios=widths, squeeze=False)[0]
    top = 1.08 * max(shares[0].max(), shares[-1].max())
    for axis, epoch in zip(axes, (0, last), strict=False):
        axis.stairs(shares[epoch], edges, fill=True, color=BLUE)
        axis.set(xlabel="activation", ylim=(0, top))
        axis.set_title(f"after epoch {epoch + 1}", fontsize=9)
    axes[0].set_ylabel("share of activations")
    if several:
        axes[2].imshow(
            np.log10(shares.T + 1e-4),
            aspect="auto",
            origin="lower",
            extent=(0.5, len(shares) + 0.5, 0, 1),
            cmap="Blues",
        )
        axes[2].xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(integer=True))
        axes[2].set(xlabel="epoch", ylabel="activation")
        axes[2].set_title("through training (darker: more)", fontsize=9)
    return figure


def _draw(axis: matplotlib.axes.Axes, history: History, measure: str, **style: Any) -> None:
    """One measure over the epochs, of which the first is 1; nothing where it is not known."""
    points = [(row["epoch"] + 1, row[measure]) for row in history if measure in row]
    if points:
        epochs, values = zip(*points, strict=True)
        _plot(axis, epochs, values, **({} if len(points) <= MARKED else {"marker": ""}) | style)


def _plot(axis: matplotlib.axes.Axes, x: Sequence[Any], y: Sequence[Any], **style: Any) -> None:
    look: dict[str, Any] = {"marker": "o", "ms": 3, "lw": 1.2}
    axis.plot(x, y, **look | style)


def _finish(axis: matplotlib.axes.Axes) -> None:
    """Whole epochs, and a logarithmic scale where values span decades."""
    axis.set_xlabel("epoch")
    axis.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(integer=True, min_n_ticks=1))
    values = np.concatenate([[1.0], *(line.get_ydata() for line in axis.lines)])[1:]
    values = values[np.isfinite(values)]
    if len(values) and values.min() > 0 and values.max() > DECADES * values.min():
        axis.set_yscale("log")
    epochs = {float(x) for line in axis.lines for x in np.ravel(line.get_xdata())}
    if len(epochs) == 1:
        [epoch] = epochs
        axis.set_xlim(epoch - 0.5, epoch + 0.5)


def _by_unit(runs: Mapping[str, Sequence[Any]], units: Mapping[str, str]) -> dict[str, list[str]]:
    """Units to the runs that are measured in them, those that have nothing to draw left out."""
    groups: dict[str, list[str]] = {}
    for name, lines in runs.items():
        if lines:
            groups.setdefault(units.get(name, ""), []).append(name)
    return groups


def _with_unit(title: str, unit: str) -> str:
    return f"{title}\n({unit})" if unit else title


def _styles(runs: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """A colour, and after ten runs another dash, for each run: the same in all pictures."""
    if len(runs) == 1:
        return {name: {"color": BLUE, "label": name} for name in runs}
    dashes = ("-", "--", ":", "-.")
    return {
        name: {"color": f"C{i % 10}", "ls": dashes[i // 10 % 4], "label": name}
        for i, name in enumerate(runs)
    }


def _legend(figure: matplotlib.figure.Figure, runs: Mapping[str, Sequence[Any]]) -> None:
    """One for all panels, of the runs that are drawn in any."""
    if len(runs) > 1:
        drawn = {line.get_label(): line for axis in figure.axes for line in axis.lines}
        names = [name for name in runs if name in drawn]
        columns = max(1, LEGEND_WIDTH // (max(map(len, names)) + 6))
        lines = [drawn[name] for name in names]
        figure.legend(lines, names, loc="outside lower left", ncols=columns, fontsize=8)
