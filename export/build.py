"""One version, from a model's endpoints to its number: written, proved, recorded, committed."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from export import (
    card,
    check,
    examples,
    golden,
    onnx_files,
    options,
    savedmodel,
    store,
    versions,
    warmup,
)
from export.precision import reduce
from export.raw import RawInput, with_raw_input
from export.signatures import Arrays, Exportable


def build(
    make: Callable[[bool], Exportable],
    base: str | os.PathLike[str],
    name: str,
    *,
    raw: RawInput | None,
    endpoints: Collection[str] | None,
    given: Any,
    precision: str,
    optimize: bool,
    tolerance: float | None,
    max_bits_changed: float,
    batch_sizes: Sequence[int],
    metrics: dict[str, Any] | None,
    onnx: bool,
    progress: options.Progress | None,
) -> Path | str:
    """Builds, proves and commits a version; arguments and errors as of `export.publish`.

    Args:
        make: Makes the model's endpoints, optimized or not.
        base: The base folder.
        name: The model's name.
        raw: The form of raw input.
        endpoints: The only signatures to publish.
        given: The caller's examples.
        precision: How weights are stored.
        optimize: Whether endpoints are optimized.
        tolerance: Largest error allowed.
        max_bits_changed: Largest share of bits or rows that may differ.
        batch_sizes: The batch sizes that the server will run.
        metrics: Figures for the model card.
        onnx: Whether to write ONNX files, too.
        progress: Called with a line on each step.

    Returns:
        Path or URI of the version.
    """
    if precision not in options.PRECISIONS:
        known = ", ".join(options.PRECISIONS)
        raise ValueError(f"precision must be one of {known}. Received: {precision}")
    if not batch_sizes or min(batch_sizes) < 1:
        raise ValueError(f"batch_sizes must be positive. Received: {list(batch_sizes)}")

    if onnx:
        onnx_files.check_packages()

    def tell(line: str) -> None:
        if progress is not None:
            progress(line)

    def shaped(exportable: Exportable) -> Exportable:
        if raw is not None:
            exportable = with_raw_input(exportable, raw)
        return exportable if endpoints is None else _only(exportable, endpoints)

    exportable = shaped(make(optimize))
    recorded = _examples(exportable, given)
    if precision != "float32":
        exportable = reduce(exportable, precision)
    if tolerance is None:
        reduced = precision != "float32"
        tolerance = options.REDUCED_TOLERANCE if reduced else options.TOLERANCE
    with _staging(base, name) as staging:
        tell("writing the SavedModel")
        variables = savedmodel.write(exportable, staging.version)
        tell("asking the Keras model")
        sizes = sorted({*options.CHECK_BATCH_SIZES, *batch_sizes})
        expected = check.requests(exportable.signatures, recorded, sizes)
        cost: dict[str, Any] = {"bytes": card.size_of(staging.version)}
        beside = None
        if precision != "float32" or exportable.description.get("folded"):
            tell("writing the model as it was trained, to compare with")
            beside = staging.folder / "plain"
            savedmodel.write(shaped(make(False)), beside)
            cost["plain_bytes"] = card.size_of(beside)
        tell("asking the SavedModel, in a process that has TensorFlow only")
        answered, report = check.run_elsewhere(staging.version, expected, staging.folder, beside)
        cost["rows_per_second"] = report["rows_per_second"]
        if beside:
            cost["plain_rows_per_second"] = report["other_rows_per_second"]
        tell("comparing the answers")
        compared = check.compare(
            expected, answered, tolerance, max_bits_changed, exportable.jumping
        )
        golden.write(
            staging.version, name, [e for e in answered if e.rows in options.CHECK_BATCH_SIZES]
        )
        warmup.write(staging.version, name, [e for e in answered if e.rows in batch_sizes])
        if onnx:
            tell("writing ONNX files and asking ONNX Runtime")
            cost["onnx"] = onnx_files.write(
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
                },
                "made_with": card.made_with(),
                "files": card.inventory(staging.version),
            },
        )
        tell("flushing to disk and renaming")
        return staging.commit()


def _only(exportable: Exportable, names: Collection[str]) -> Exportable:
    known = [signature.name for signature in exportable.signatures]
    if not names or set(names) - set(known):
        raise ValueError(f"endpoints must be of {', '.join(known)}. Received: {', '.join(names)}")
    kept = tuple(signature for signature in exportable.signatures if signature.name in names)
    return dataclasses.replace(exportable, signatures=kept)


def _examples(exportable: Exportable, given: Any) -> Arrays:
    missing = exportable.missing_values
    if given is not None:
        return examples.check(given, exportable.inputs, missing)
    if exportable.draw:
        return exportable.draw()
    return examples.draw(exportable.inputs, missing_values=missing)


def _staging(
    base: str | os.PathLike[str], name: str
) -> contextlib.AbstractContextManager[versions.Staging | store.StoreStaging]:
    return store.staging(str(base), name) if "://" in str(base) else versions.staging(base, name)
