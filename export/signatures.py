"""The endpoints a model answers: their names, inputs, outputs, and what each must equal."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import zoo
from zoo.likelihood import reconstruction_error

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


def from_autoencoder(model: zoo.Autoencoder) -> Exportable:
    """All endpoints of an autoencoder.

    Args:
        model: The autoencoder; only its clean encoder and decoder are exported.

    Returns:
        `embed`, for binary codes `hash` and `hash_query`, then `reconstruct`, `score`, `decode`;
        for models that take strings also `embed_tensor`, ... on the preprocessed input.
    """
    encoder, decoder, binarize = model.encoder, model.decoder, model.binarize
    specs = input_specs(encoder)
    thresholds = None if binarize is None else binarize.thresholds.numpy()
    margin = None if binarize is None else binarize.margin

    def error(preprocessed: Any, reconstruction: Any) -> Any:
        return reconstruction_error(
            model.likelihood,
            preprocessed,
            reconstruction,
            missing_values=model.missing_values,
        )

    def encode(arrays: Arrays) -> Arrays:
        return {"embedding": to_float(encoder(pack(encoder, arrays.values())))}

    signatures = [
        *_encoder_signatures(encoder, specs, margin),
        *_reconstructions(encoder, decoder, specs, model.reconstruction_error),
        Signature(
            "decode",
            (tf.TensorSpec(decoder.inputs[0].shape, tf.float32, "embedding"),),
            lambda embedding: {
                "reconstruction": tf.cast(decoder(embedding, training=False), tf.float32)
            },
            lambda arrays: {
                "reconstruction": to_float(decoder(arrays["embedding"], training=False))
            },
            encode,
        ),
    ]
    if any(spec.dtype == tf.string for spec in specs):
        rest = keras.Model(model.preprocessor.output, encoder.output, name="encoder_tensor")
        inner = (tf.TensorSpec(rest.inputs[0].shape, rest.inputs[0].dtype, specs[0].name),)
        signatures += [
            dataclasses.replace(
                signature,
                name=f"{signature.name}_tensor",
                feed=lambda arrays: {
                    inner[0].name: np.asarray(
                        model.preprocessor(pack(encoder, map(tf.constant, arrays.values())))
                    )
                },
            )
            for signature in (
                *_encoder_signatures(rest, inner, margin),
                *_reconstructions(rest, decoder, inner, error),
            )
        ]
    description = {
        "variant": model.recipe.get("variant"),
        "recipe": model.recipe,
        "code": {"kind": model.code.kind, "size": model.code.size},
        "thresholds": None if thresholds is None else thresholds.tolist(),
        "likelihood": model.likelihood,
        "preprocessing": [layer.name for layer in _layers_of(model.preprocessor)],
    }
    layers = (encoder, decoder) if binarize is None else (encoder, decoder, binarize)
    tables = [
        layer for layer in model.preprocessor.layers if isinstance(layer, zoo.layers.TableEncoding)
    ]
    is_table = bool(tables) and specs[0].dtype == tf.string
    chosen = model.code.kind in ("sparse", "discrete")
    return Exportable(
        specs,
        tuple(signatures),
        layers,
        description,
        # Numbers as strings: any other string would be refused.
        draw=(lambda: {specs[0].name: tables[0].draw()}) if is_table else None,
        replaced=_metrics(layers),
        missing_values=model.missing_values,
        jumping=frozenset(s.name for s in signatures if chosen and s.name != "decode"),
    )


def from_encoder(
    model: keras.Model,
    thresholds: np.ndarray | None = None,
    rotation: np.ndarray | None = None,
) -> Exportable:
    """The endpoints of somebody else's encoder.

    Args:
        model: Functional or Sequential model whose only output is `[batch, d]`.
        thresholds: float `[bits]`: bit = component > threshold; zeros if only a rotation is given.
        rotation: float `[d, bits]`, applied to the embedding before the thresholds.

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
    return Exportable(
        specs,
        _encoder_signatures(model, specs, margin),
        (model,),
        description,
        replaced=_metrics((model,)),
    )


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


def pack_bits(margin: tf.Tensor) -> tf.Tensor:
    """The code of a margin: bit = margin > 0, packed as `numpy.packbits` does, uint8."""
    return zoo.layers.PackBits()(tf.cast(margin > 0, tf.int32))


def _encoder_signatures(
    encoder: keras.Model,
    specs: tuple[tf.TensorSpec, ...],
    margin: Callable[[Any], Any] | None,
) -> tuple[Signature, ...]:
    def embed(*inputs: Any) -> Any:
        return tf.cast(encoder(pack(encoder, inputs), training=False), tf.float32)

    signatures = [
        Signature(
            "embed",
            specs,
            lambda *inputs: {"embedding": embed(*inputs)},
            lambda arrays: {"embedding": to_float(embed(*arrays.values()))},
        )
    ]
    if margin is None:
        return tuple(signatures)

    def hash_query(*inputs: Any) -> dict[str, tf.Tensor]:
        distance = margin(embed(*inputs))
        return {"code": pack_bits(distance), "margin": distance}

    def reference(arrays: Arrays) -> Arrays:
        distance = to_float(margin(embed(*arrays.values())))
        return {"code": np.packbits(distance > 0, axis=-1), "margin": distance}

    signatures += [
        Signature("hash", specs, lambda *inputs: {"code": hash_query(*inputs)["code"]}, reference),
        Signature("hash_query", specs, hash_query, reference),
    ]
    return tuple(signatures)


def _reconstructions(
    encoder: keras.Model,
    decoder: keras.Model,
    specs: tuple[tf.TensorSpec, ...],
    error: Callable[[Any, Any], Any],
) -> tuple[Signature, ...]:
    def reconstruct(*inputs: Any) -> tuple[Any, Any]:
        raw = pack(encoder, inputs)
        return raw, decoder(encoder(raw, training=False), training=False)

    def score(*inputs: Any) -> Any:
        return tf.cast(error(*reconstruct(*inputs)), tf.float32)

    return (
        Signature(
            "reconstruct",
            specs,
            lambda *inputs: {"reconstruction": tf.cast(reconstruct(*inputs)[1], tf.float32)},
            lambda arrays: {"reconstruction": to_float(reconstruct(*arrays.values())[1])},
        ),
        Signature(
            "score",
            specs,
            lambda *inputs: {"error": score(*inputs)},
            lambda arrays: {"error": to_float(score(*arrays.values()))},
        ),
    )


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


def _metrics(
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


def _layers_of(model: keras.Model) -> list[keras.layers.Layer]:
    return [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
