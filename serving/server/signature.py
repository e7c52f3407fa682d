"""What each request needs to know of a signature, read from its protobuf once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from serving.wire.messages import ModelSpec


@dataclass(frozen=True)
class Signature:
    """A signature of a loaded version.

    Attributes:
        definition: The `SignatureDef`.
        spec: The `ModelSpec` of its answers.
        inputs: Name to dtype number, in the order of the names.
        outputs: Names, in order.
        by_rows: Whether all inputs have rows, as far as the signature tells.
        rows_of: The outputs that have rows.
    """

    definition: Any
    spec: Any
    inputs: dict[str, int]
    outputs: tuple[str, ...]
    by_rows: bool
    rows_of: frozenset[str]


def read_signature(model: str, version: int, name: str, definition: Any) -> Signature:
    """Reads a `SignatureDef`."""
    spec = ModelSpec(name=model, signature_name=name)
    spec.version.value = version
    return Signature(
        definition,
        spec,
        {alias: definition.inputs[alias].dtype for alias in sorted(definition.inputs)},
        tuple(sorted(definition.outputs)),
        all(_has_rows(info) for info in definition.inputs.values()),
        frozenset(alias for alias, info in definition.outputs.items() if _has_rows(info)),
    )


def _has_rows(info: Any) -> bool:
    shape = info.tensor_shape
    return not shape.unknown_rank and bool(shape.dim) and shape.dim[0].size == -1
