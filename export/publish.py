"""Publishing: a model becomes the next version that a model server picks up."""

from __future__ import annotations

import contextlib
import os
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from export import card, versions

# TensorFlow takes seconds to import, and what lists or removes versions does without it: so
# whatever needs it is imported where a version is made.
if TYPE_CHECKING:
    import keras

    import zoo
    from export.raw import RawInput
    from export.signatures import Exportable
    from export.store import StoreStaging

Progress = Callable[[str], None]
CHECK_BATCH_SIZES = (1, 3, 64)
WARMUP_BATCH_SIZES = (1, 8, 32, 128)
TOLERANCE = 1e-4
REDUCED_TOLERANCE = 0.05
MAX_BITS_CHANGED = 0.01
PRECISIONS = ("float32", "bfloat16", "float16", "int8")


def publish(
    model: zoo.Autoencoder | str | os.PathLike[str],
    base: str | os.PathLike[str],
    *,
    name: str,
    raw: RawInput | None = None,
    examples: Any = None,
    precision: str = "float32",
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
        examples: Inputs to prove, warm up and record with, `[n, ...]` in the form of the endpoints;
            random numbers if omitted.
        precision: How weights are stored: `float32`, `bfloat16` (computed with, too), `float16`
            or `int8` with a scale a channel. Outputs are float32 all the same.
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
    from export import signatures

    if isinstance(model, str | os.PathLike):
        _tell(progress, f"loading {model}")
        metrics = card.run_metrics(Path(model)) if metrics is None else metrics
        model = zoo.load(Path(model))
    if not isinstance(model, zoo.Autoencoder):
        raise ValueError(
            "model must be a zoo.Autoencoder or the path of one; publish_encoder takes other "
            f"encoders. Received: {type(model).__name__}"
        )
    return _publish(
        signatures.from_autoencoder(model),
        base,
        name,
        raw=raw,
        given=examples,
        precision=precision,
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
    examples: Any = None,
    precision: str = "float32",
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
        examples: As for `publish`.
        precision: As for `publish`.
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
    from export import signatures

    if isinstance(model, str | os.PathLike):
        _tell(progress, f"loading {model}")
        model = load_encoder(Path(model))
    return _publish(
        signatures.from_encoder(model, thresholds, rotation),
        base,
        name,
        raw=raw,
        given=examples,
        precision=precision,
        tolerance=tolerance,
        max_bits_changed=max_bits_changed,
        batch_sizes=batch_sizes,
        metrics=metrics,
        onnx=onnx,
        progress=progress,
    )


def _publish(
    exportable: Exportable,
    base: str | os.PathLike[str],
    name: str,
    *,
    raw: RawInput | None,
    given: Any,
    precision: str,
    tolerance: float | None,
    max_bits_changed: float,
    batch_sizes: Sequence[int],
    metrics: dict[str, Any] | None,
    onnx: bool,
    progress: Progress | None,
) -> Path | str:
    from export import check, examples, golden, onnx_files, savedmodel, warmup
    from export.precision import reduce
    from export.raw import with_raw_input

    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}. Received: {precision}")

    if not batch_sizes or min(batch_sizes) < 1:
        raise ValueError(f"batch_sizes must be positive. Received: {list(batch_sizes)}")
    if onnx:
        onnx_files.check_packages()
    if raw is not None:
        exportable = with_raw_input(exportable, raw)
    specs = exportable.inputs
    if given is not None:
        recorded = examples.check(given, specs, exportable.missing_values)
    elif exportable.draw:
        recorded = exportable.draw()
    else:
        recorded = examples.draw(specs, missing_values=exportable.missing_values)
    plain = exportable
    if reduced := precision != "float32":
        exportable = reduce(plain, precision)
    if tolerance is None:
        tolerance = TOLERANCE if precision == "float32" else REDUCED_TOLERANCE
    with _staging(base, name) as staging:
        _tell(progress, "writing the SavedModel")
        variables = savedmodel.write(exportable, staging.version)
        _tell(progress, "asking the Keras model")
        sizes = sorted({*CHECK_BATCH_SIZES, *batch_sizes})
        expected = check.requests(exportable.signatures, recorded, sizes)
        _tell(progress, "asking the SavedModel, in a process that has TensorFlow only")
        answered, report = check.run_elsewhere(staging.version, expected, staging.folder)
        _tell(progress, "comparing the answers")
        compared = check.compare(
            expected, answered, tolerance, max_bits_changed, exportable.jumping
        )
        cost = {
            "bytes": card.size_of(staging.version),
            "rows_per_second": report["rows_per_second"],
        }
        if reduced:
            _tell(progress, "measuring the float32 version beside it")
            beside = staging.folder / "float32"
            savedmodel.write(plain, beside)
            _, other = check.run_elsewhere(beside, expected, staging.folder)
            cost["float32_bytes"] = card.size_of(beside)
            cost["float32_rows_per_second"] = other["rows_per_second"]
        golden.write(staging.version, name, [e for e in answered if e.rows in CHECK_BATCH_SIZES])
        warmup.write(staging.version, name, [e for e in answered if e.rows in batch_sizes])
        files = None
        if onnx:
            _tell(progress, "writing ONNX files and asking ONNX Runtime")
            files = onnx_files.write(
                staging.version,
                expected,
                {"serving_default": exportable.signatures[0].name},
                tolerance,
                max_bits_changed,
                exportable.jumping,
            )
        weights = [w.numpy() for layer in exportable.layers for w in layer.weights]
        card.write(
            staging.version,
            {
                "name": name,
                **exportable.description,
                "fingerprint": card.fingerprint(weights, exportable.description),
                "metrics": metrics or {},
                "signatures": report["signatures"],
                "variables": variables,
                "batch_sizes": sorted(set(batch_sizes)),
                "checks": {
                    "tolerance": tolerance,
                    "max_bits_changed": max_bits_changed,
                    "examples": "random" if given is None else "given",
                    "signatures": compared,
                    "load_seconds": report["load_seconds"],
                    "first_request_ms": report["first_request_ms"],
                    **cost,
                    **({"onnx": files} if files else {}),
                },
                "made_with": card.made_with(),
                "files": card.inventory(staging.version),
            },
        )
        _tell(progress, "flushing to disk and renaming")
        return staging.commit()


def _staging(
    base: str | os.PathLike[str], name: str
) -> contextlib.AbstractContextManager[versions.Staging | StoreStaging]:
    if "://" in str(base):
        from export import store

        return store.staging(str(base), name)
    return versions.staging(base, name)


def load_encoder(path: Path) -> keras.Model:
    """Loads any Keras model.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a saved Keras model.
    """
    import keras

    if not path.is_file():
        raise FileNotFoundError(f"no model at {path}; expected a .keras file")
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is not a saved Keras model, or it is damaged")
    return keras.saving.load_model(path)


def _tell(progress: Progress | None, line: str) -> None:
    if progress is not None:
        progress(line)
