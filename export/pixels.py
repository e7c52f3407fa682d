"""Whether a model brings pixels of 0 to 255 to its range by itself."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

# What stands in for a height or width that a model leaves open.
SIDE = 32
# A model of pixels in [0, 1] does not shrink them so much ...
LEAST_GAIN = 0.1
# ... nor does it take off more than their largest value.
LARGEST_SHIFT = 1.0


def scales_pixels(model: keras.Model) -> bool:
    """Whether what a model does first, before its first kernel, is meant for pixels 0 to 255.

    Black and white images go through whatever layers and operations stand there: `Rescaling`,
    `Normalization`, `x / 127.5 - 1`. A division by ten and more, or the subtraction of a mean
    above 1, is not meant for pixels in [0, 1].

    Args:
        model: Functional or Sequential model with one input `[batch, height, width, channels]`.

    Returns:
        False too for a model whose first layers can't be told apart.
    """
    shape = [SIDE if size is None else size for size in model.inputs[0].shape[1:]]
    black, white = (
        np.asarray(_first_read(model, np.full((1, *shape), value, "float32")), "float64")
        for value in (0, 255)
    )
    gain = np.abs(white - black) / 255
    seen = gain > 0  # padding is the same whatever the image
    if not seen.any():
        return False
    shift = np.abs(black[seen]) / gain[seen]
    return bool(np.median(gain[seen]) < LEAST_GAIN or np.max(shift) > LARGEST_SHIFT)


def _first_read(model: keras.Model, x: Any) -> Any:
    """What the first layer with a kernel reads of inputs."""
    for layer in model.layers:
        if not layer.weights or isinstance(
            layer, keras.layers.Normalization | keras.layers.BatchNormalization
        ):
            continue
        for node in layer._inbound_nodes:
            try:
                before = keras.Function(model.inputs[0], node.input_tensors[0])
            except ValueError:  # a call of the layer in another model
                continue
            x = before(x)
            return _first_read(layer, x) if len(getattr(layer, "inputs", ())) == 1 else x
        return x
    return model(x)
