"""`gradients`: fully connected trunks on the edges of images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zoo.backbones.dense import Dense
from zoo.layers.oriented_gradients import OrientedGradients
from zoo.registry import backbone


@backbone("gradients")
class Gradients(Dense):
    """Fully connected trunks; the encoder reads histograms of oriented gradients.

    Nearly as good for retrieval as convolutions, at a fraction of their cost.

    Args:
        input_shape: (height, width, channels).
        likelihood: As for the dense backbone.
        hidden: As for the dense backbone.
        activation: As for the dense backbone.
        bins: Directions that are told apart, see `OrientedGradients`.
        cell: Side of a cell in pixels; a seventh of the image's if omitted.

    Raises:
        ValueError: If the input is not an image.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        likelihood: str,
        hidden: Sequence[int] = (512, 256),
        activation: str = "relu",
        bins: int = 8,
        cell: int | None = None,
    ):
        super().__init__(input_shape, likelihood, hidden, activation)
        if len(self.input_shape) != 3:
            raise ValueError(
                "The gradients backbone wants images of the shape (height, width, channels); for "
                f"other data use backbone='dense'. Received: input_shape={self.input_shape}"
            )
        self.gradients = OrientedGradients(bins, cell, name="oriented_gradients")

    def read(self, x: Any) -> Any:
        """The edges."""
        return self.gradients(x)
