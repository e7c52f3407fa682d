"""From arrays to requests of bounded size and back: what both clients share, without a network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from serving.checks import check_integer
from serving.errors import InvalidInput, ServerError
from serving.signatures import Signature
from serving.wire.codec import BY_NAME, fill_proto, to_array
from serving.wire.messages import GetModelStatusRequest, ModelSpec, PredictRequest

OUTPUTS = {
    "embed": ("embedding",),
    "hash": ("code",),
    "hash_query": ("code", "margin"),
    "reconstruct": ("reconstruction",),
    "score": ("error",),
    "decode": ("reconstruction",),
}
"""The signatures that clients have a method for, and the outputs that the method returns."""

STATES = {10: "START", 20: "LOADING", 30: "AVAILABLE", 40: "UNLOADING", 50: "END"}


class HashQuery(NamedTuple):
    """Codes and how sure each bit is."""

    code: np.ndarray
    """uint8 [n, bytes], bits packed most significant first."""
    margin: np.ndarray
    """float32 [n, bits], signed distance from the threshold."""


class VersionStatus(NamedTuple):
    """One version of a model, as the server sees it."""

    version: int
    state: str
    """START, LOADING, AVAILABLE, UNLOADING or END."""
    error: str
    """Why it failed; empty when it did not."""


@dataclass(frozen=True)
class Address:
    """Which model, and which of its versions, a client speaks to."""

    model: str
    version: int | None = None
    label: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.model, str) or not self.model:
            raise InvalidInput(f"model must be a name; received {self.model!r}")
        if self.version is not None and self.label is not None:
            raise InvalidInput(
                f"give version or label, not both; received {self.version} and {self.label!r}"
            )
        if self.version is not None:
            check_integer("version", self.version, 0)
        # The server would take an empty label for none, and answer with the newest version.
        if self.label is not None and (not isinstance(self.label, str) or not self.label):
            raise InvalidInput(f"label must be a name such as 'stable'; received {self.label!r}")

    def spec(self, signature: str = "") -> Any:
        """Builds the `ModelSpec`."""
        spec = ModelSpec(name=self.model, signature_name=signature)
        if self.version is not None:
            spec.version.value = self.version
        if self.label is not None:
            spec.version_label = self.label
        return spec


def named_inputs(signature: Any, given: Any, keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Joins the inputs that a call gives as a mapping with those it gives as keywords.

    Raises:
        InvalidInput: The signature is no name, what was given is no mapping, or an input was
            given twice.
    """
    if not isinstance(signature, str):
        raise InvalidInput(
            "predict takes the name of a signature first, then its inputs; received"
            f" {type(signature).__name__}"
        )
    if given is None:
        return dict(keywords)
    if not isinstance(given, Mapping):
        raise InvalidInput(
            "inputs must be keywords, or a mapping of names to arrays after the signature;"
            f" received {type(given).__name__}"
        )
    twice = sorted(set(given) & set(keywords))
    if twice:
        raise InvalidInput(f"input {twice[0]} was given twice")
    return {**given, **keywords}


def cut(
    signature: Signature, arrays: Mapping[str, np.ndarray], max_rows: int, max_bytes: int
) -> Iterator[dict[str, np.ndarray]]:
    """Cuts arrays into pieces of whole rows.

    Args:
        signature: What the model takes; pieces are cut only where all its tensors have rows.
        arrays: Input name to array.
        max_rows: At most so many rows a piece.
        max_bytes: Aim at no more bytes a piece; one row is never cut.

    Yields:
        Input name to array, in order.
    """
    rows = row_count(signature, arrays)
    if rows is None:
        yield dict(arrays)
        return
    row_bytes = sum(_size(array) for array in arrays.values()) / max(rows, 1)
    step = int(min(max_rows, max(1, max_bytes // max(row_bytes, 1))))
    for start in range(0, rows, step):
        yield {name: array[start : start + step] for name, array in arrays.items()}


def row_count(signature: Signature, arrays: Mapping[str, np.ndarray]) -> int | None:
    """Returns how many rows a request has; None when it is not made of rows."""
    if not signature.batched or not arrays:
        return None
    return len(next(iter(arrays.values())))


def predict_request(
    address: Address, signature: Signature, arrays: Mapping[str, np.ndarray]
) -> Any:
    """Builds one `PredictRequest` from arrays that fit the signature."""
    request = PredictRequest(model_spec=address.spec(signature.name))
    for name, array in arrays.items():
        fill_proto(request.inputs[name], array, signature.inputs[name].dtype)
    return request


def status_request(address: Address) -> Any:
    """Builds a `GetModelStatusRequest` for the version, or for all."""
    return GetModelStatusRequest(model_spec=address.spec())


def read_status(response: Any) -> list[VersionStatus]:
    """Reads a `GetModelStatusResponse`, the highest version first."""
    return [
        VersionStatus(entry.version, STATES.get(entry.state, "UNKNOWN"), entry.status.error_message)
        for entry in response.model_version_status
    ]


def read_outputs(response: Any) -> dict[str, np.ndarray]:
    """Decodes the outputs of a `PredictResponse`, into arrays that may be written to.

    Raises:
        ServerError: An output is no tensor that NumPy can hold.
    """
    try:
        arrays = {name: to_array(tensor) for name, tensor in response.outputs.items()}
    except ValueError as error:
        raise ServerError(f"the server's answer cannot be read: {error}") from error
    return {name: x if x.flags.writeable else x.copy() for name, x in arrays.items()}


def no_rows(signature: Signature) -> dict[str, np.ndarray]:
    """Answers a request of zero rows, which a TF Serving that batches never does."""
    unknown = [spec for spec in signature.outputs.values() if spec.dtype not in BY_NAME]
    if unknown:
        raise ServerError(f"output {unknown[0].name} of {unknown[0].dtype} cannot be read")
    return {
        name: np.zeros([dim or 0 for dim in spec.shape or (0,)], dtype=BY_NAME[spec.dtype].numpy)
        for name, spec in signature.outputs.items()
    }


def join(pieces: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Joins the answers to the pieces of one request.

    Raises:
        InvalidInput: They do not fit together.
    """
    if len(pieces) == 1:
        return pieces[0]
    try:
        return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
    except (KeyError, ValueError) as error:
        raise InvalidInput(
            f"the input was cut into {len(pieces)} requests whose answers cannot be joined"
            f" ({error}); send it whole with a larger max_rows and max_bytes"
        ) from error


def only_input(signature: Signature) -> str:
    """Returns the name of the one input of a signature."""
    if len(signature.inputs) != 1:
        raise InvalidInput(
            f"signature {signature.name} takes {len(signature.inputs)} inputs"
            f" ({', '.join(signature.inputs)}); use predict({signature.name!r}, name=array, ...)"
        )
    return next(iter(signature.inputs))


def select(method: str, outputs: Mapping[str, np.ndarray]) -> Any:
    """Picks what a client's method returns: one array, or a `HashQuery`."""
    names = OUTPUTS[method]
    missing = [name for name in names if name not in outputs]
    if missing:
        raise InvalidInput(
            f"signature {method} has no output {missing[0]!r}; it has {', '.join(sorted(outputs))}"
        )
    if method == "hash_query":
        return HashQuery(outputs["code"], outputs["margin"])
    return outputs[names[0]]


def _size(array: np.ndarray) -> int:
    if array.dtype == object:
        return sum(len(item) for item in array.flat)
    return array.nbytes
