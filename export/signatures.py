"""What an endpoint is: its name, inputs and outputs, and what its answers must equal."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

Arrays = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Signature:
    """One endpoint.

    Args:
        name: Its key in the SavedModel.
        inputs: One named spec an argument of `function`.
        function: Builds the answer in the graph, from the inputs to named tensors.
        reference: The same answer by another way, from arrays, outside of any export: what the
            published version is compared with. May add `margin`, the distance of each bit from
            its threshold, to an answer in bits.
        feed: Recorded model inputs to this endpoint's inputs; the same if omitted.
    """

    name: str
    inputs: tuple[tf.TensorSpec, ...]
    function: Callable[..., dict[str, tf.Tensor]]
    reference: Callable[[Arrays], Arrays]
    feed: Callable[[Arrays], Arrays] = dict


@dataclasses.dataclass(frozen=True)
class Exportable:
    """What a model turns into on publishing.

    Args:
        inputs: Specs of the raw inputs; examples are drawn for them.
        signatures: The endpoints; the first is also `serving_default`.
        layers: The Keras models and layers the endpoints call, whose weights they may read.
        description: What the model card says of the model.
        draw: Makes examples; random tensors if omitted.
        stored: Variables, by name, that endpoints read in place of the layers' weights.
        replaced: Variables of the layers, and what endpoints read in place of each; called while
            a graph is traced.
        missing_values: Whether NaN in the inputs means "not observed"; infinite values never do.
        jumping: Keys of endpoints whose answer jumps where a unit of the code is chosen or
            rounded: a few rows may differ from the reference by more than an error of rounding.
        scales_pixels: Tells, of a model of images, whether it brings pixels of 0 to 255 to its
            range by itself.
    """

    inputs: tuple[tf.TensorSpec, ...]
    signatures: tuple[Signature, ...]
    layers: tuple[keras.layers.Layer, ...]
    description: dict[str, Any]
    draw: Callable[[], Arrays] | None = None
    stored: Mapping[str, tf.Variable] = dataclasses.field(default_factory=dict)
    replaced: tuple[tuple[keras.Variable, Callable[[], Any]], ...] = ()
    missing_values: bool = False
    jumping: frozenset[str] = frozenset()
    scales_pixels: Callable[[], bool] = lambda: False


def input_specs(model: keras.Model) -> tuple[tf.TensorSpec, ...]:
    """Named specs of a model's inputs, batch free.

    Names that Keras made up change from build to build; they become `inputs`, or `inputs_0`,
    `inputs_1`, ...

    Raises:
        ValueError: If the model has no fixed inputs.
    """
    tensors = getattr(model, "inputs", None)
    if not tensors:
        raise ValueError(
            "the model has no declared inputs; wrap it: keras.Model(inputs, model(inputs)) with "
            f"inputs = keras.Input(shape, name='inputs'). Received: {type(model).__name__}"
        )
    specs = []
    for i, tensor in enumerate(tensors):
        name = tensor.name.split(":")[0]
        if name.startswith("keras_tensor") or name.startswith("input_layer"):
            name = "inputs" if len(tensors) == 1 else f"inputs_{i}"
        specs.append(tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype, name))
    return tuple(specs)


def pack(model: keras.Model, inputs: Any) -> Any:
    """Arranges flat inputs in the structure that the model was built with."""
    flat = list(inputs)
    structure = getattr(model, "_inputs_struct", None)
    return flat[0] if structure is None else keras.tree.pack_sequence_as(structure, flat)


def to_float(tensor: Any) -> np.ndarray:
    """A tensor as float32 array, whatever precision it was computed in."""
    return np.asarray(tf.cast(tensor, tf.float32))
