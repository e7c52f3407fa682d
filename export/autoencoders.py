"""The endpoints of an autoencoder: its encoder's, and `reconstruct`, `score` and `decode`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import zoo
from export.encoders import encoder_signatures, without_metrics
from export.folding import Folded, copies, folded
from export.pixels import scales_pixels
from export.signatures import Exportable, Signature, input_specs, pack, to_float
from zoo.likelihood import reconstruction_error


def from_autoencoder(model: zoo.Autoencoder, optimize: bool = False) -> Exportable:
    """All endpoints of an autoencoder.

    Args:
        model: The autoencoder; only its clean encoder and decoder are exported.
        optimize: Whether endpoints run both folded, see `export.folding`.

    Returns:
        `embed`, for binary codes `hash` and `hash_query`, then `reconstruct`, `score`, `decode`;
        for models that take strings also `embed_tensor`, ... on the preprocessed input.
    """
    encoder, decoder, binarize = model.encoder, model.decoder, model.binarize
    specs = input_specs(encoder)
    margin = None if binarize is None else binarize.margin
    takes_strings = any(spec.dtype == tf.string for spec in specs)
    # The encoder behind its preprocessing, where endpoints of their own run it.
    trunk = encoder
    if takes_strings:
        trunk = keras.Model(model.preprocessor.output, encoder.output, name="encoder_tensor")
    run_trunk, decode = (Folded(part) if optimize else part for part in (trunk, decoder))

    def run(inputs: Any, training: bool) -> Any:
        return run_trunk(model.preprocessor(inputs) if takes_strings else inputs, training=training)

    def error(preprocessed: Any, reconstruction: Any) -> Any:
        return reconstruction_error(
            model.likelihood,
            preprocessed,
            reconstruction,
            missing_values=model.missing_values,
        )

    signatures = [
        *encoder_signatures(encoder, specs, margin, run),
        *_reconstructions((encoder, decoder), specs, model.reconstruction_error, (run, decode)),
        Signature(
            "decode",
            (tf.TensorSpec(decoder.inputs[0].shape, tf.float32, "embedding"),),
            lambda embedding: {
                "reconstruction": tf.cast(decode(embedding, training=False), tf.float32)
            },
            lambda arrays: {
                "reconstruction": to_float(decoder(arrays["embedding"], training=False))
            },
            lambda arrays: {"embedding": to_float(encoder(pack(encoder, arrays.values())))},
        ),
    ]
    if takes_strings:
        inner = (tf.TensorSpec(trunk.inputs[0].shape, trunk.inputs[0].dtype, specs[0].name),)
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
                *encoder_signatures(trunk, inner, margin, run_trunk),
                *_reconstructions((trunk, decoder), inner, error, (run_trunk, decode)),
            )
        ]
    layers = (encoder, decoder) if binarize is None else (encoder, decoder, binarize)
    tables = [
        layer for layer in model.preprocessor.layers if isinstance(layer, zoo.layers.TableEncoding)
    ]
    is_table = bool(tables) and specs[0].dtype == tf.string
    chosen = model.code.kind in ("sparse", "discrete")
    return Exportable(
        specs,
        tuple(signatures),
        (*layers, *copies(run_trunk, decode)),
        _description(model) | ({"folded": folded(run_trunk, decode)} if optimize else {}),
        # Numbers as strings: any other string would be refused.
        draw=(lambda: {specs[0].name: tables[0].draw()}) if is_table else None,
        replaced=without_metrics(layers),
        missing_values=model.missing_values,
        scales_pixels=lambda: scales_pixels(model.preprocessor),
        jumping=frozenset(s.name for s in signatures if chosen and s.name != "decode"),
    )


def _reconstructions(
    models: tuple[keras.Model, keras.Model],
    specs: tuple[tf.TensorSpec, ...],
    error: Callable[[Any, Any], Any],
    run: tuple[Callable[..., Any], Callable[..., Any]],
) -> tuple[Signature, ...]:
    """`reconstruct` and `score` of an encoder and decoder, and what endpoints run for them."""

    def reconstruct(parts: tuple[Callable[..., Any], ...], inputs: Iterable[Any]) -> tuple:
        raw = pack(models[0], inputs)
        return raw, parts[1](parts[0](raw, training=False), training=False)

    def score(parts: tuple[Callable[..., Any], ...], inputs: Iterable[Any]) -> Any:
        return tf.cast(error(*reconstruct(parts, inputs)), tf.float32)

    return (
        Signature(
            "reconstruct",
            specs,
            lambda *inputs: {"reconstruction": tf.cast(reconstruct(run, inputs)[1], tf.float32)},
            lambda arrays: {"reconstruction": to_float(reconstruct(models, arrays.values())[1])},
        ),
        Signature(
            "score",
            specs,
            lambda *inputs: {"error": score(run, inputs)},
            lambda arrays: {"error": to_float(score(models, arrays.values()))},
        ),
    )


def _description(model: zoo.Autoencoder) -> dict[str, Any]:
    """What the model card says."""
    binarize = model.binarize
    return {
        "variant": model.recipe.get("variant"),
        "recipe": model.recipe,
        "code": {"kind": model.code.kind, "size": model.code.size},
        "thresholds": None if binarize is None else binarize.thresholds.numpy().tolist(),
        "likelihood": model.likelihood,
        "preprocessing": [layer.name for layer in _layers_of(model.preprocessor)],
    }


def _layers_of(model: keras.Model) -> list[keras.layers.Layer]:
    return [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
