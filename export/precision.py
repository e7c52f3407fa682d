"""Smaller versions: weights in fewer bits."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from export.signatures import Exportable


def reduce(exportable: Exportable, precision: str) -> Exportable:
    """Lets the endpoints read their weights from a smaller copy.

    Matrices and kernels are stored in the precision; vectors stay float32. Layers compute in
    bfloat16 if that is the precision, which CPUs with AMX and TPUs do fast, and in float32
    otherwise. The Keras model is not changed.

    Args:
        exportable: The endpoints.
        precision: `bfloat16`, `float16`, or `int8`: weights of 8 bits with one scale an output
            channel.

    Returns:
        The endpoints that read the copy.
    """
    copies: list[tuple[keras.Variable, Callable[[], tf.Tensor]]] = []
    stored: dict[str, tf.Variable] = {}

    def keep(name: str, array: np.ndarray) -> tf.Variable:
        stored[name] = tf.Variable(array, trainable=False, name=name.replace("/", "_"))
        return stored[name]

    for weight in _distinct([w for layer in exportable.layers for w in layer.weights]):
        array = weight.numpy()
        if array.dtype != np.float32 or array.ndim < 2:
            continue
        if precision == "int8":
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
    signatures = exportable.signatures
    if precision == "bfloat16":
        signatures = tuple(
            dataclasses.replace(
                s, function=_with_policy(s.function, exportable.layers, "mixed_bfloat16")
            )
            for s in signatures
        )
    return dataclasses.replace(
        exportable,
        signatures=signatures,
        stored=stored,
        replaced=(*exportable.replaced, *copies),
        description={**exportable.description, "precision": precision},
    )


def _with_policy(
    function: Callable[..., dict[str, tf.Tensor]],
    layers: tuple[keras.layers.Layer, ...],
    policy: str,
) -> Callable[..., dict[str, tf.Tensor]]:
    def endpoint(*inputs: Any) -> dict[str, tf.Tensor]:
        multiplying = [
            part
            for layer in layers
            for part in layer._flatten_layers(include_self=not isinstance(layer, keras.Model))
            if part._trainable_variables and part.dtype_policy.name == "float32"
        ]
        with _policy(multiplying, policy):
            return function(*inputs)

    return endpoint


@contextlib.contextmanager
def computing_in_float32(*models: keras.Model) -> Iterator[None]:
    """Lets models of mixed precision, whose weights are float32, compute in float32, too."""
    parts = [part for model in models for part in model._flatten_layers()]
    mixed = [part for part in parts if part.dtype_policy.name.startswith("mixed_")]
    with _policy(mixed, "float32"):
        yield


@contextlib.contextmanager
def _policy(parts: Iterable[keras.layers.Layer], policy: str) -> Iterator[None]:
    """Sets the policy of layers while a graph is traced."""
    former = {id(part): (part, part.dtype_policy) for part in parts}
    try:
        for part, _ in former.values():
            part.dtype_policy = policy
        yield
    finally:
        for part, own in former.values():
            part.dtype_policy = own


def _distinct(weights: list[keras.Variable]) -> list[keras.Variable]:
    return list({id(weight): weight for weight in weights}.values())


def _cast(values: Any) -> Callable[[], tf.Tensor]:
    return lambda: tf.cast(values, tf.float32)


def _dequantised(values: Any, scale: Any) -> Callable[[], tf.Tensor]:
    return lambda: tf.cast(values, tf.float32) * scale
