"""The endpoints of an encoder: `embed`, and for binary codes `hash` and `hash_query`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import zoo
from export.folding import Folded, copies, folded
from export.pixels import scales_pixels
from export.signatures import Arrays, Exportable, Signature, input_specs, pack, to_float


def from_encoder(
    model: keras.Model,
    thresholds: np.ndarray | None = None,
    rotation: np.ndarray | None = None,
    optimize: bool = False,
) -> Exportable:
    """The endpoints of somebody else's encoder.

    Args:
        model: Functional or Sequential model whose only output is `[batch, d]`.
        thresholds: float `[bits]`: bit = component > threshold; zeros if only a rotation is given.
        rotation: float `[d, bits]`, applied to the embedding before the thresholds.
        optimize: Whether endpoints run the model folded, see `export.folding`.

    Returns:
        `embed`, and `hash` and `hash_query` given thresholds or a rotation.

    Raises:
        ValueError: If the model's inputs or output, the thresholds or the rotation do not fit.
    """
    specs = input_specs(model)
    if len(model.outputs) != 1 or len(model.outputs[0].shape) != 2:
        shapes = [tuple(output.shape) for output in model.outputs]
        raise ValueError(f"an encoder has one output of shape [batch, d]. Received: {shapes}")
    size = model.outputs[0].shape[-1]
    margin = None
    code: dict[str, Any] = {"kind": "real", "size": size}
    if rotation is not None or thresholds is not None:
        turn, cut = _cuts(size, thresholds, rotation)
        code = {"kind": "binary", "size": len(cut)}

        def margin(embedding: Any) -> Any:
            turned = embedding if turn is None else tf.matmul(embedding, tf.constant(turn))
            return turned - tf.constant(cut)

    description = {
        "variant": None,
        "recipe": {"model": model.name, "class": type(model).__name__},
        "code": code,
        "thresholds": None if margin is None else cut.tolist(),
        "likelihood": None,
        "preprocessing": [],
    }
    run = Folded(model) if optimize else model
    return Exportable(
        specs,
        encoder_signatures(model, specs, margin, run),
        (model, *copies(run)),
        description | ({"folded": folded(run)} if optimize else {}),
        replaced=without_metrics((model,)),
        scales_pixels=lambda: scales_pixels(model),
    )


def encoder_signatures(
    encoder: keras.Model,
    specs: tuple[tf.TensorSpec, ...],
    margin: Callable[[Any], Any] | None,
    run: Callable[..., Any],
) -> tuple[Signature, ...]:
    """`embed`, and given a margin `hash` and `hash_query`.

    Args:
        encoder: The model, which the answers must equal.
        specs: Its inputs.
        margin: From embeddings to the distance of each bit from its threshold.
        run: What endpoints run: the model, or the same folded.
    """

    def embed(*inputs: Any) -> Any:
        return tf.cast(run(pack(encoder, inputs), training=False), tf.float32)

    def asked(arrays: Arrays) -> Any:
        return tf.cast(encoder(pack(encoder, arrays.values()), training=False), tf.float32)

    signatures = [
        Signature(
            "embed",
            specs,
            lambda *inputs: {"embedding": embed(*inputs)},
            lambda arrays: {"embedding": to_float(asked(arrays))},
        )
    ]
    if margin is None:
        return tuple(signatures)

    def hash_query(*inputs: Any) -> dict[str, tf.Tensor]:
        distance = margin(embed(*inputs))
        return {"code": pack_bits(distance), "margin": distance}

    def reference(arrays: Arrays) -> Arrays:
        distance = to_float(margin(asked(arrays)))
        return {"code": np.packbits(distance > 0, axis=-1), "margin": distance}

    signatures += [
        Signature("hash", specs, lambda *inputs: {"code": hash_query(*inputs)["code"]}, reference),
        Signature("hash_query", specs, hash_query, reference),
    ]
    return tuple(signatures)


def without_metrics(
    layers: tuple[keras.layers.Layer, ...],
) -> tuple[tuple[keras.Variable, Callable[[], Any]], ...]:
    """The metrics that layers count in: an endpoint reads none, and counts nothing."""
    variables = {
        id(variable): variable
        for layer in layers
        for part in layer._flatten_layers(include_self=False)
        for variable in part.metrics_variables
    }
    return tuple((v, functools.partial(tf.zeros, v.shape, v.dtype)) for v in variables.values())


def pack_bits(margin: tf.Tensor) -> tf.Tensor:
    """The code of a margin: bit = margin > 0, packed as `numpy.packbits` does, uint8."""
    return zoo.layers.PackBits()(tf.cast(margin > 0, tf.int32))


def _cuts(
    size: int, thresholds: np.ndarray | None, rotation: np.ndarray | None
) -> tuple[np.ndarray | None, np.ndarray]:
    turn = None if rotation is None else np.asarray(rotation, "float32")
    if turn is not None and (turn.ndim != 2 or turn.shape[0] != size or not turn.shape[1]):
        raise ValueError(
            f"rotation must have the shape [{size}, bits]. Received: shape={turn.shape}"
        )
    bits = size if turn is None else turn.shape[1]
    cut = np.zeros(bits, "float32") if thresholds is None else np.asarray(thresholds, "float32")
    if cut.shape != (bits,):
        raise ValueError(f"thresholds must have the shape [{bits}]. Received: shape={cut.shape}")
    for name, array in (("thresholds", cut), ("rotation", turn)):
        if array is not None and not np.isfinite(array).all():
            raise ValueError(f"{name} must be finite. Received: NaN or infinity in {name}")
    return turn, cut
