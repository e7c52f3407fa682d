"""`OrientedGradients`: histograms of the directions in which an image changes."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np

# Cells along the shorter side where no size of cells is given.
CELLS = 7
# Squared length below which a gradient has no direction.
FLAT = 1e-12
# Keeps the slope of the root finite where a direction does not occur.
ROUNDING = 1e-2


@keras.saving.register_keras_serializable(package="zoo")
class OrientedGradients(keras.layers.Layer):
    """Histograms of oriented gradients: where an image has edges, and in which direction.

    Each pixel votes for the two bins next to its gradient's direction and the four cells next
    to its place, with the gradient's length; the votes of all channels are added. The histogram
    is divided by its sum, and the root of it is taken, so that inner products of images compare
    their distributions of edges (Hellinger's affinity). The mean square of an image's values is
    about 1. There is nothing to learn.

    Args:
        bins: Directions that are told apart over the full circle, at least 2.
        cell: Side of a cell in pixels; `None` for a seventh of the shorter side, at least 2.
        **kwargs: As for any layer.

    Call arguments:
        inputs: Images `[batch, height, width, channels]`.

    Returns:
        `[batch, rows of cells, columns of cells, bins]`; 0 for an image without edges.

    Raises:
        ValueError: If an argument is out of range or the input is not an image.

    Reference:
        [Dalal & Triggs, Histograms of Oriented Gradients for Human Detection,
        2005](https://doi.org/10.1109/CVPR.2005.177); the root after [Arandjelovic & Zisserman,
        Three Things Everyone Should Know to Improve Object Retrieval,
        2012](https://doi.org/10.1109/CVPR.2012.6248018)

    Example:
    >>> OrientedGradients()(np.ones((1, 28, 28, 1))).shape
    TensorShape([1, 7, 7, 8])
    """

    def __init__(self, bins: int = 8, cell: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        if bins < 2 or (cell is not None and cell < 1):
            raise ValueError(
                f"`bins` must be at least 2 and `cell` positive. Received: bins={bins}, cell={cell}"
            )
        self.bins = bins
        self.cell = cell

    def build(self, input_shape: tuple) -> None:
        """Computes how much each pixel counts in each cell."""
        self._cell = self._side(input_shape)
        self.rows, self.columns = (_shares(size, self._cell) for size in input_shape[1:3])
        self.built = True

    def call(self, inputs: Any) -> Any:
        """The histograms."""
        x = keras.ops.cast(inputs, "float32")
        down = keras.ops.pad(x[:, 2:] - x[:, :-2], [(0, 0), (1, 1), (0, 0), (0, 0)])
        right = keras.ops.pad(x[:, :, 2:] - x[:, :, :-2], [(0, 0), (0, 0), (1, 1), (0, 0)])
        squared = down**2 + right**2
        # Slopes of root and angle are infinite at 0, and NaN times 0 stays NaN.
        flat = squared < FLAT
        length = keras.ops.where(flat, 0.0, keras.ops.sqrt(keras.ops.where(flat, 1.0, squared)))
        direction = keras.ops.arctan2(down, keras.ops.where(flat, 1.0, right))
        direction *= self.bins / (2 * np.pi)
        votes = 0.0
        for channel in range(inputs.shape[-1]):
            away = direction[..., channel, None] - np.arange(self.bins, dtype="float32")
            away = keras.ops.abs(away - self.bins * keras.ops.round(away / self.bins))
            votes += length[..., channel, None] * keras.ops.relu(1 - away)
        # Not by `einsum`, which LiteRT does not take.
        cells = keras.ops.tensordot(votes, self.rows, axes=(1, 0))
        cells = keras.ops.tensordot(cells, self.columns, axes=(1, 0))
        cells = keras.ops.transpose(cells, (0, 2, 3, 1))
        share = cells / (keras.ops.sum(cells, axis=(1, 2, 3), keepdims=True) + 1e-6)
        size = math.prod(self.compute_output_shape(inputs.shape)[1:])
        roots = keras.ops.sqrt(size * share + ROUNDING) - math.sqrt(ROUNDING)
        return keras.ops.cast(roots, self.compute_dtype)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """The shape of the histograms."""
        cell = self._side(input_shape)
        return (input_shape[0], *(-(-size // cell) for size in input_shape[1:3]), self.bins)

    def _side(self, shape: tuple) -> int:
        if len(shape) != 4 or None in shape[1:]:
            raise ValueError(
                "OrientedGradients wants images [batch, height, width, channels] of one size. "
                f"Received: input_shape={tuple(shape)}"
            )
        return self.cell or max(2, math.ceil(min(shape[1:3]) / CELLS))

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "bins": self.bins, "cell": self.cell}


def _shares(size: int, cell: int) -> np.ndarray:
    """How much each pixel of a row counts in each cell `[size, cells]`, by linear interpolation."""
    centres = (np.arange(-(-size // cell)) + 0.5) * cell - 0.5
    away = np.abs(np.arange(size)[:, None] - centres) / cell
    return np.maximum(0, 1 - away).astype("float32")
