"""Publishing: a model becomes the next version that a model server picks up."""

from __future__ import annotations

import functools
import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from export import card, versions
from export.options import MAX_BITS_CHANGED, WARMUP_BATCH_SIZES, Progress

# TensorFlow takes seconds to import, and what lists or removes versions does without it: so
# whatever needs it is imported where a version is made.
if TYPE_CHECKING:
    import keras

    import zoo
    from export.raw import RawInput


def publish(
    model: zoo.Autoencoder | str | os.PathLike[str],
    base: str | os.PathLike[str],
    *,
    name: str,
    raw: RawInput | None = None,
    endpoints: Collection[str] | None = None,
    examples: Any = None,
    precision: str = "float32",
    optimize: bool = False,
    tolerance: float | None = None,
    max_bits_changed: float = MAX_BITS_CHANGED,
    batch_sizes: Sequence[int] = WARMUP_BATCH_SIZES,
    metrics: dict[str, Any] | None = None,
    onnx: bool = False,
    progress: Progress | None = None,
) -> Path | str:
    """Publishes an autoencoder as the next version of `BASE/NAME`.

    The version is built beside its place under a name that servers ignore, reloaded in another
    process that has TensorFlow only, compared with the Keras model, flushed to disk, and then
    renamed: a server sees nothing, or all of it.

    Args:
        model: An autoencoder, or the path of its `.keras` file or run folder.
        base: The model server's base folder, made if absent, or the URI of one in an object
            store, like `gs://bucket/models`.
        name: The model's name there.
        raw: The form of raw input that the endpoints decode themselves: `ImageBytes` or
            `TFExample`; the model's own input if omitted.
        endpoints: Names of the only signatures to publish, the first of them in the model's order
            also as `serving_default`; all if omitted. What none of them reads is left out.
        examples: Inputs to prove, warm up and record with, `[n, ...]` in the form of the endpoints;
            random numbers if omitted.
        precision: How weights are stored: `float32`, `bfloat16` (computed with, too), `float16`
            or `int8` with a scale a channel. Outputs are float32 all the same.
        optimize: Whether batch normalisation and other fixed scales and shifts become part of
            the kernel beside them.
        tolerance: Largest error `|a - b| / (1 + |b|)` allowed between SavedModel and Keras;
            1e-4 if omitted, 0.05 below float32.
        max_bits_changed: Largest share of bits of binary codes that may differ; of sparse and
            discrete codes, which jump, the share of rows.
        batch_sizes: The batch sizes that the server will run: warm-up requests are written for
            each. Answers are compared at these and at 1, 3 and 64.
        metrics: Figures for the model card; those of the run folder if omitted.
        onnx: Also write `assets.extra/onnx/`: a file for each signature that ONNX Runtime answers
            alike, for `serving up --engine onnxruntime`.
        progress: Called with a line on each step.

    Returns:
        Path of the version, `BASE/NAME/VERSION`; a URI for an object store.

    Raises:
        FileNotFoundError: If there is no model at the path.
        ValueError: If the model, the name or the examples are not usable.
        OSError: If the base can't be written.
        ExportError: If the exported model fails a check.

    Example:
        >>> publish(ae, "models", name="digits")  # doctest: +SKIP
        PosixPath('/srv/models/digits/1')
    """
    versions.check_name(name)
    import zoo
    from export import autoencoders
    from export.build import build

    if isinstance(model, str | os.PathLike):
        if progress is not None:
            progress(f"loading {model}")
        metrics = card.run_metrics(Path(model)) if metrics is None else metrics
        model = zoo.load(Path(model))
    if not isinstance(model, zoo.Autoencoder):
        raise ValueError(
            "model must be a zoo.Autoencoder or the path of one; publish_encoder takes other "
            f"encoders. Received: {type(model).__name__}"
        )
    return build(
        functools.partial(autoencoders.from_autoencoder, model),
        base,
        name,
        raw=raw,
        endpoints=endpoints,
        given=examples,
        precision=precision,
        optimize=optimize,
        tolerance=tolerance,
        max_bits_changed=max_bits_changed,
        batch_sizes=batch_sizes,
        metrics=metrics,
        onnx=onnx,
        progress=progress,
    )


def publish_encoder(
    model: keras.Model | str | os.PathLike[str],
    base: str | os.PathLike[str],
    *,
    name: str,
    thresholds: np.ndarray | None = None,
    rotation: np.ndarray | None = None,
    raw: RawInput | None = None,
    endpoints: Collection[str] | None = None,
    examples: Any = None,
    precision: str = "float32",
    optimize: bool = False,
    tolerance: float | None = None,
    max_bits_changed: float = MAX_BITS_CHANGED,
    batch_sizes: Sequence[int] = WARMUP_BATCH_SIZES,
    metrics: dict[str, Any] | None = None,
    onnx: bool = False,
    progress: Progress | None = None,
) -> Path | str:
    """Publishes any Keras encoder with `embed`, and with `hash` given thresholds or a rotation.

    Args:
        model: Functional or Sequential model from inputs to one output `[batch, d]`, or the path
            of its `.keras` file.
        base: As for `publish`.
        name: As for `publish`.
        thresholds: float `[bits]`: bit = component > threshold.
        rotation: float `[d, bits]`, applied to the embedding before the thresholds.
        raw: As for `publish`.
        endpoints: As for `publish`.
        examples: As for `publish`.
        precision: As for `publish`.
        optimize: As for `publish`.
        tolerance: As for `publish`.
        max_bits_changed: As for `publish`.
        batch_sizes: As for `publish`.
        metrics: Figures for the model card.
        onnx: As for `publish`.
        progress: As for `publish`.

    Returns:
        Path of the version.

    Raises:
        FileNotFoundError: If there is no model at the path.
        ValueError: If the model, thresholds, rotation, name or examples are not usable.
        OSError: If the base can't be written.
        ExportError: If the exported model fails a check.

    Example:
        >>> publish_encoder(resnet, "models", name="photos", thresholds=medians)  # doctest: +SKIP
    """
    versions.check_name(name)
    from export import encoders
    from export.build import build

    if isinstance(model, str | os.PathLike):
        if progress is not None:
            progress(f"loading {model}")
        model = load_encoder(Path(model))
    return build(
        functools.partial(encoders.from_encoder, model, thresholds, rotation),
        base,
        name,
        raw=raw,
        endpoints=endpoints,
        given=examples,
        precision=precision,
        optimize=optimize,
        tolerance=tolerance,
        max_bits_changed=max_bits_changed,
        batch_sizes=batch_sizes,
        metrics=metrics,
        onnx=onnx,
        progress=progress,
    )


def load_encoder(path: Path) -> keras.Model:
    """Loads any Keras model.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a saved Keras model.
    """
    from zoo.load import load_keras

    if not path.is_file():
        raise FileNotFoundError(f"no model at {path}; expected a .keras file")
    return load_keras(path)
