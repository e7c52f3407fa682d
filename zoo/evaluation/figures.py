"""The pictures of a report, as matplotlib figures."""

from __future__ import annotations

import matplotlib.figure
import numpy as np
import sklearn.decomposition
import sklearn.manifold

BLUE, ORANGE = "#33669a", "#cc6b2c"
MAP_ROWS = 1500


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


def code_map(codes: np.ndarray, labels: np.ndarray | None) -> matplotlib.figure.Figure:
    """Codes in two dimensions, by PCA and by t-SNE.

    Args:
        codes: `[n, size]`; up to 1,500 evenly spaced rows are drawn.
        labels: Colours `[n]`, or `None`.
    """
    some = np.linspace(0, len(codes) - 1, min(MAP_ROWS, len(codes))).astype(int)
    codes = codes[some]
    labels = None if labels is None else labels[some]
    maps = {}
    if codes.shape[1] > 1 and len(codes) > 1:
        maps["PCA"] = sklearn.decomposition.PCA(2, random_state=0).fit_transform(codes)
    if len(codes) > 50:
        tsne = sklearn.manifold.TSNE(2, init="random", random_state=0)
        maps["t-SNE"] = tsne.fit_transform(codes)
    figure = _figure(10, 4.6)
    for axis, (name, points) in zip(figure.subplots(1, 2), maps.items(), strict=False):
        colours = {"color": BLUE} if labels is None else {"c": labels, "cmap": "tab10"}
        dots = axis.scatter(*points.T, s=6, lw=0, **colours)
        axis.set(xticks=[], yticks=[])
        axis.set_title(f"{name} of the codes", fontsize=9)
    if labels is not None and len(np.unique(labels)) <= 10:
        figure.legend(
            *dots.legend_elements(), loc="outside right center", title="label", fontsize=8
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
