"""What a served model takes and gives, and whether some arrays fit it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from serving.casts import lossless
from serving.errors import InvalidInput, SignatureNotFound
from serving.wire.codec import BY_NAME, BY_NUMBER, as_bytes
from serving.wire.messages import SignatureDefMap


@dataclass(frozen=True)
class TensorSpec:
    """One input or output: dtype by name, and shape with None for free dimensions.

    A shape of None means that even the rank is free.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None

    def __str__(self) -> str:
        if self.shape is None:
            return f"{self.dtype} of any shape"
        return f"{self.dtype} [{', '.join('?' if d is None else str(d) for d in self.shape)}]"

    @property
    def batched(self) -> bool:
        """Whether the first dimension is free, so that rows can be cut and joined."""
        return bool(self.shape) and self.shape[0] is None  # type: ignore[index]


@dataclass(frozen=True)
class Signature:
    """One endpoint of a model."""

    name: str
    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]

    @property
    def batched(self) -> bool:
        """Whether a request can be cut into rows and the answers joined."""
        return all(spec.batched for spec in (*self.inputs.values(), *self.outputs.values()))


def read_signatures(response: Any) -> dict[str, Signature]:
    """Reads the answer to GetModelMetadata.

    Args:
        response: A `GetModelMetadataResponse` that holds `signature_def`.

    Returns:
        Name to signature; without the loader's own `__saved_model_init_op`.
    """
    definitions = SignatureDefMap.FromString(response.metadata["signature_def"].value)
    return {
        name: Signature(
            name,
            {key: _spec(key, info) for key, info in sorted(definition.inputs.items())},
            {key: _spec(key, info) for key, info in sorted(definition.outputs.items())},
        )
        for name, definition in sorted(definitions.signature_def.items())
        if name != "__saved_model_init_op"
    }


def pick(signatures: Mapping[str, Signature], name: str, model: str) -> Signature:
    """Returns a signature by name.

    Raises:
        SignatureNotFound: The model has none of that name; says which it has.
    """
    if name not in signatures:
        raise SignatureNotFound(
            f"model {model} has no signature {name!r}; it has {', '.join(signatures)}"
        )
    return signatures[name]


def fit_inputs(signature: Signature, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Checks names, dtypes and shapes against a signature; casts where nothing is lost.

    Args:
        signature: What the model takes.
        inputs: Name to array, nested list, or list of `str` or `bytes`.

    Returns:
        Arrays of exactly the dtypes of the signature.

    Raises:
        InvalidInput: Says which input is wrong, what was received and what the model wants.
    """
    if set(inputs) != set(signature.inputs):
        raise InvalidInput(
            f"signature {signature.name} takes {_names(signature.inputs)};"
            f" received {_names(inputs)}"
        )
    arrays = {name: _fit(signature.inputs[name], value) for name, value in inputs.items()}
    rows = {name: len(arrays[name]) for name, spec in signature.inputs.items() if spec.batched}
    if len(set(rows.values())) > 1:
        counts = ", ".join(f"{name} {count}" for name, count in rows.items())
        raise InvalidInput(f"every input needs the same number of rows; received {counts}")
    return arrays


def _spec(name: str, info: Any) -> TensorSpec:
    kind = BY_NUMBER.get(info.dtype)
    shape = None
    if not info.tensor_shape.unknown_rank:
        shape = tuple(dim.size if dim.size >= 0 else None for dim in info.tensor_shape.dim)
    return TensorSpec(name, kind.name if kind else f"dtype {info.dtype}", shape)


def _names(items: Mapping[str, Any]) -> str:
    return ", ".join(sorted(items)) or "nothing"


def _fit(spec: TensorSpec, value: Any) -> np.ndarray:
    kind = BY_NAME.get(spec.dtype)
    if kind is None:
        raise InvalidInput(f"{spec.name}: {spec.dtype} cannot be sent")
    if spec.batched and isinstance(value, (list, tuple)) and not value:
        return np.zeros([size or 0 for size in spec.shape or ()], kind.numpy)
    try:
        array = _strings(value) if spec.dtype == "string" else lossless(value, kind)
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidInput(f"{spec.name}: {error}; the model wants {spec}") from error
    if spec.shape is not None:
        fits = len(spec.shape) == array.ndim and all(
            want is None or want == have
            for want, have in zip(spec.shape, array.shape, strict=False)
        )
        if not fits:
            raise InvalidInput(
                f"{spec.name}: received shape {list(array.shape)}; the model wants {spec}"
            )
    return array


def _strings(value: Any) -> np.ndarray:
    array = np.asarray(value, dtype=object)
    flat = np.empty(array.size, dtype=object)
    flat[:] = [as_bytes(item) for item in array.ravel()]
    return flat.reshape(array.shape)
