"""Smaller and faster versions: weights in fewer bits, or frozen into the graph."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from export.signatures import Exportable, Signature

_MAX_GRAPH_BYTES = 2**30

Weights = list[tuple[keras.Variable, Callable[[], tf.Tensor]]]


def reduce(exportable: Exportable, precision: str, freeze: bool) -> Exportable:
    """Lets the endpoints read their weights from a smaller or a frozen copy.

    Matrices and kernels are stored in the precision; vectors stay float32. Layers compute in
    bfloat16 if that is the precision, which CPUs with AMX and TPUs do fast, and in float32
    otherwise. The Keras model is not changed.

    Args:
        exportable: The endpoints.
        precision: `float32`, `bfloat16`, `float16`, or `int8`: weights of 8 bits with one scale
            an output channel.
        freeze: Whether weights become constants of the graph, which the server folds on
            loading. Each endpoint holds its own copy.

    Returns:
        The endpoints that read the copy.

    Raises:
        ValueError: If the frozen graph would exceed 1 GiB.
    """
    copies: Weights = []
    stored: dict[str, tf.Variable] = {}

    def keep(name: str, array: np.ndarray | tf.Tensor) -> tf.Tensor | tf.Variable:
        if freeze:
            return array
        stored[name] = tf.Variable(array, trainable=False, name=name.replace("/", "_"))
        return stored[name]

    for weight in _distinct([w for layer in exportable.layers for w in layer.weights]):
        array = weight.numpy()
        small = precision != "float32" and array.dtype == np.float32 and array.ndim >= 2
        if not small:
            if freeze:
                copies.append((weight, _constant(array)))
        elif precision == "int8":
            scale = np.abs(array).max(axis=tuple(range(array.ndim - 1)), keepdims=True) / 127
            scale = np.where(scale == 0, 1, scale).astype("float32")
            rounded = np.round(array / scale).astype("int8")
            copies.append(
                (
                    weight,
                    _dequantised(keep(weight.path, rounded), keep(f"{weight.path}/scale", scale)),
                )
            )
        else:
            copies.append((weight, _cast(keep(weight.path, tf.cast(array, precision).numpy()))))
    if freeze:
        size = sum(weight.numpy().nbytes for weight, _ in copies) * len(exportable.signatures)
        if size > _MAX_GRAPH_BYTES:
            raise ValueError(
                f"optimize would put {size / 2**30:.1f} GiB of weights into the graph, allowed is "
                "1 GiB; publish without it"
            )
    policy = "mixed_bfloat16" if precision == "bfloat16" else None

    def on_copies(signature: Signature) -> Signature:
        return dataclasses.replace(
            signature, function=_reading(signature.function, copies, exportable.layers, policy)
        )

    return dataclasses.replace(
        exportable,
        signatures=tuple(map(on_copies, exportable.signatures)),
        stored=stored,
        description={**exportable.description, "precision": precision, "frozen": freeze},
    )


def _reading(
    function: Callable[..., dict[str, tf.Tensor]],
    copies: Weights,
    layers: tuple[keras.layers.Layer, ...],
    policy: str | None,
) -> Callable[..., dict[str, tf.Tensor]]:
    def endpoint(*inputs: Any) -> dict[str, tf.Tensor]:
        mapping = [(weight, read()) for weight, read in copies]
        with keras.StatelessScope(state_mapping=mapping), _computing(layers, policy):
            return function(*inputs)

    return endpoint


@contextlib.contextmanager
def _computing(layers: tuple[keras.layers.Layer, ...], policy: str | None) -> Iterator[None]:
    """Sets the policy of the float32 layers that multiply weights while a graph is traced."""
    parts = {
        id(part): part
        for layer in layers
        if policy and isinstance(layer, keras.Model)
        for part in layer._flatten_layers(include_self=False)
        if part._trainable_variables and part.dtype_policy.name == "float32"
    }
    former = {key: part.dtype_policy for key, part in parts.items()}
    try:
        for part in parts.values():
            part.dtype_policy = policy
        yield
    finally:
        for key, part in parts.items():
            part.dtype_policy = former[key]


def _distinct(weights: list[keras.Variable]) -> list[keras.Variable]:
    return list({id(weight): weight for weight in weights}.values())


def _constant(array: np.ndarray) -> Callable[[], tf.Tensor]:
    return lambda: tf.constant(array)


def _cast(values: Any) -> Callable[[], tf.Tensor]:
    return lambda: tf.cast(values, tf.float32)


def _dequantised(values: Any, scale: Any) -> Callable[[], tf.Tensor]:
    return lambda: tf.cast(values, tf.float32) * scale
