"""Logs an evaluation to TensorBoard: numbers, pictures and the embedding projector."""

from __future__ import annotations

import pathlib
import shutil
from collections.abc import Mapping
from typing import Any

import matplotlib.image
import numpy as np
import tensorflow as tf

from zoo.datasets import Dataset
from zoo.evaluation.maps import map_rows
from zoo.evaluation.page import Page

# A sprite is one image of all thumbnails, of at most so many pixels a side.
SPRITE_SIDE = 8192


def log(
    folder: pathlib.Path,
    page: Page,
    metrics: Mapping[str, Any],
    codes: np.ndarray,
    dataset: Dataset,
    step: int,
) -> None:
    """Replaces what an earlier evaluation logged.

    Args:
        folder: The log folder of the evaluation alone.
        page: Whose pictures are logged.
        metrics: Names to numbers; others are left out.
        codes: Of the test rows `[m, size]`, for the projector.
        dataset: Whose test rows and labels describe the codes there.
        step: Epochs that the model was trained.
    """
    shutil.rmtree(folder, ignore_errors=True)
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default(step):
        for name, value in metrics.items():
            if isinstance(value, int | float):
                tf.summary.scalar(f"evaluation/{name}", value)
        for section in page.sections:
            if section["png"]:
                image = tf.io.decode_png(section["png"], channels=3)
                tf.summary.image(section["name"], image[None])
    writer.close()
    _project(folder, codes, dataset)


def _project(folder: pathlib.Path, codes: np.ndarray, dataset: Dataset) -> None:
    """Files that the projector reads: vectors, a line of metadata for each, and thumbnails."""
    some = map_rows(len(codes), full=True)
    np.savetxt(folder / "codes.tsv", codes[some], fmt="%.6g", delimiter="\t")
    config = ['tensor_name: "codes"', 'tensor_path: "codes.tsv"', 'metadata_path: "rows.tsv"']
    # A header is expected where there are two columns, and only there.
    lines = [str(row) for row in some]
    labels = dataset.test_labels
    if labels is not None:
        lines = ["row\tlabel", *(f"{row}\t{labels[row]}" for row in some)]
    (folder / "rows.tsv").write_text("\n".join(lines) + "\n")
    if dataset.is_image:
        height, width = dataset.x_test.shape[1:3]
        side = int(np.ceil(np.sqrt(len(some))))
        if side * max(height, width) <= SPRITE_SIDE:
            _write_sprite(folder / "sprite.png", dataset.x_test[some], side)
            config.append(
                f'sprite {{ image_path: "sprite.png" single_image_dim: {width} '
                f"single_image_dim: {height} }}"
            )
    text = "embeddings {\n  " + "\n  ".join(config) + "\n}\n"
    (folder / "projector_config.pbtxt").write_text(text)


def _write_sprite(path: pathlib.Path, images: np.ndarray, side: int) -> None:
    if images.dtype != np.uint8:
        images = (images.clip(0, 1) * 255).astype("uint8")
    count, height, width, channels = images.shape
    grid = np.zeros((side * side, height, width, 3), "uint8")
    grid[:count] = images if channels == 3 else images.repeat(3, axis=-1)
    rows = grid.reshape(side, side, height, width, 3).swapaxes(1, 2)
    matplotlib.image.imsave(path, rows.reshape(side * height, side * width, 3))
