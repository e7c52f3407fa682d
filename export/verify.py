"""Checks of a version that is already there."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from export import card, check, golden, signatures, store
from export.check import Exchange
from export.errors import ExportError
from export.options import TOLERANCE
from export.raw import from_description, with_raw_input
from export.versions import list_versions


def verify(
    path: str | os.PathLike[str],
    exportable: signatures.Exportable | None = None,
    tolerance: float | None = None,
) -> dict[str, Any]:
    """Loads a version in another process and repeats its recorded requests.

    Args:
        path: The version, `BASE/NAME/VERSION`, or its URI in an object store.
        exportable: The Keras model's endpoints to compare with, on its own inputs or on the
            version's raw ones; the recorded answers if omitted.
        tolerance: Largest error allowed; the one of the publication if omitted.

    Returns:
        Errors a signature, load time, bytes and fingerprint.

    Raises:
        FileNotFoundError: If there is no such version or it has no recorded requests.
        ExportError: If the version is damaged, does not load, or answers otherwise.
    """
    if "://" in str(path):
        with tempfile.TemporaryDirectory() as folder:
            store.mirror(str(path), Path(folder), contents=True)
            return _verify(Path(folder), str(path), exportable, tolerance)
    if not Path(path).is_dir():
        raise FileNotFoundError(f"no version at {path}; expected BASE/NAME/VERSION")
    inside = list_versions(path)
    if inside:
        raise FileNotFoundError(
            f"{path} is a model: name a version of it, {path}/{max(inside)} say"
        )
    return _verify(Path(path), str(path), exportable, tolerance)


def _verify(
    path: Path,
    shown: str,
    exportable: signatures.Exportable | None,
    tolerance: float | None,
) -> dict[str, Any]:
    wrong = card.damage(path, thorough=True)
    if wrong:
        raise ExportError(f"{shown} is damaged: {wrong}")
    described = card.read(path)
    form = described.get("raw_input")
    if form and exportable is not None and "raw_input" not in exportable.description:
        exportable = with_raw_input(exportable, from_description(form))
    checks = described.get("checks", {})
    recorded = list(golden.read(path))
    expected = _with_margins(recorded) if exportable is None else _asked(exportable, recorded)
    if tolerance is None:
        tolerance = checks.get("tolerance", TOLERANCE)
    allowed = checks.get("max_bits_changed", 1.0)
    jumping = [
        key for key, entry in checks.get("signatures", {}).items() if "rows_changed" in entry
    ]
    with tempfile.TemporaryDirectory() as workspace:
        answered, report = check.run_elsewhere(path, expected, Path(workspace))
    return {
        "path": shown,
        "fingerprint": described.get("fingerprint"),
        "bytes": card.size_of(path),
        "load_seconds": report["load_seconds"],
        "tolerance": tolerance,
        "signatures": check.compare(expected, answered, tolerance, allowed, jumping),
    }


def _with_margins(recorded: Sequence[Exchange]) -> list[Exchange]:
    """Lends the margins of `hash_query` to `hash`: a bit on its threshold may fall either way."""
    margins = {
        exchange.rows: exchange.outputs["margin"]
        for exchange in recorded
        if "margin" in exchange.outputs
    }
    return [
        dataclasses.replace(
            exchange, outputs={**exchange.outputs, "margin": margins[exchange.rows]}
        )
        if exchange.signature == "hash" and exchange.rows in margins
        else exchange
        for exchange in recorded
    ]


def _asked(exportable: signatures.Exportable, recorded: Sequence[Exchange]) -> list[Exchange]:
    known = {signature.name: signature for signature in exportable.signatures}
    unknown = {exchange.signature for exchange in recorded} - set(known)
    if unknown:
        raise ExportError(f"the Keras model has no signature {', '.join(sorted(unknown))}")
    asked = []
    for exchange in recorded:
        signature = known[exchange.signature]
        # References go by the order of the inputs, and a record holds them in any.
        inputs = {spec.name: exchange.inputs[spec.name] for spec in signature.inputs}
        asked.append(
            dataclasses.replace(exchange, inputs=inputs, outputs=signature.reference(inputs))
        )
    return asked
