"""Proof that a SavedModel answers as its Keras model: run elsewhere, compared here."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

from export import examples
from export.errors import ExportError
from export.signatures import Arrays, Signature

_TIMEOUT_SECONDS = 900


@dataclasses.dataclass(frozen=True)
class Exchange:
    """A request to a signature and the answer.

    Args:
        signature: The endpoint's key.
        inputs: What was asked.
        outputs: What came back.
    """

    signature: str
    inputs: Arrays
    outputs: Arrays

    @property
    def rows(self) -> int:
        """The request's batch size."""
        return len(next(iter(self.inputs.values())))


def requests(
    signatures: Sequence[Signature], recorded: Arrays, sizes: Sequence[int]
) -> list[Exchange]:
    """Requests to every signature at every batch size, with the answers of the Keras model.

    Raises:
        ExportError: If the Keras model can't take the recorded inputs.
    """
    asked = []
    for size in sizes:
        batch = examples.batch(recorded, size)
        for signature in signatures:
            try:
                inputs = signature.feed(batch)
                answer = signature.reference(inputs)
            except tf.errors.OpError as error:
                raise ExportError(
                    f"the Keras model does not answer {signature.name}; pass examples that it "
                    f"takes. Received: {' '.join(error.message.split())}"
                ) from error
            asked.append(Exchange(signature.name, inputs, answer))
    return asked


def run_elsewhere(
    path: Path, asked: Sequence[Exchange], workspace: Path, beside: Path | None = None
) -> tuple[list[Exchange], dict[str, Any]]:
    """Answers requests from a SavedModel in a process of its own that has TensorFlow only.

    Args:
        path: The SavedModel.
        asked: What to ask; answers in it are ignored.
        workspace: Folder for the files exchanged.
        beside: Another SavedModel, to be timed beside.

    Returns:
        The exchanges with the SavedModel's answers, and the report of `export/reload.py`.

    Raises:
        ExportError: If the SavedModel does not load or answer, or holds Python functions.
    """
    sent, received = workspace / "requests.npz", workspace / "answers.npz"
    _save(sent, asked)
    command = [sys.executable, "-I", str(Path(__file__).with_name("reload.py"))]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    try:
        done = subprocess.run(
            [*command, *map(str, (path, sent, received, *([beside] if beside else [])))],
            capture_output=True,
            text=True,
            env=environment,
            timeout=_TIMEOUT_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise ExportError(
            f"the reloaded model did not answer within {_TIMEOUT_SECONDS} s"
        ) from error
    try:
        report = json.loads(done.stdout)
    except json.JSONDecodeError as error:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise ExportError(f"the process that reloads the model ended early: {last}") from error
    if "error" in report:
        raise ExportError(f"the exported model does not answer: {report['error']}")
    if report["forbidden_ops"]:
        raise ExportError(
            f"a model server can't run {', '.join(report['forbidden_ops'])}: replace "
            "tf.py_function and tf.numpy_function in the model by TensorFlow operations"
        )
    return _load(received, asked), report


def compare(
    expected: Sequence[Exchange],
    answered: Sequence[Exchange],
    tolerance: float,
    max_changed: float = 1.0,
    jumping: Collection[str] = (),
) -> dict[str, dict[str, Any]]:
    """Compares the answers of a SavedModel with those of the Keras model.

    The error of a float output is `|a - b| / (1 + |b|)`. Bits must be equal but for those whose
    activation lies within the tolerance of its threshold. An answer that jumps, where a unit is
    chosen or rounded, is off by much wherever rounding errors decide: such rows are counted.

    Args:
        expected: The Keras model's answers.
        answered: The SavedModel's answers to the same requests, in the same order.
        tolerance: Largest error allowed.
        max_changed: Largest share of the bits, or of the rows that jump, of all requests to a
            signature that may differ.
        jumping: Signatures whose answers jump.

    Returns:
        For each signature the batch sizes, the largest error, and for codes the share of bits
        or of rows that differ.

    Raises:
        ExportError: If an error is larger than allowed or an answer is not finite.
    """
    found: dict[str, dict[str, Any]] = {}
    changes: dict[tuple[str, str], list[tuple[float, int]]] = {}
    for want, got in zip(expected, answered, strict=True):
        entry = found.setdefault(want.signature, {"batch_sizes": [], "max_error": 0.0})
        entry["batch_sizes"].append(want.rows)
        where = f"signature {want.signature} at batch {want.rows}"
        missing = set(got.outputs) - set(want.outputs)
        if missing:
            raise ExportError(f"{where}: the Keras model has no output {', '.join(missing)}")
        for name, value in got.outputs.items():
            truth = want.outputs[name]
            if value.shape != truth.shape or value.dtype != truth.dtype:
                raise ExportError(
                    f"{where}: {name} must be {truth.dtype}{list(truth.shape)}. "
                    f"Received: {value.dtype}{list(value.shape)}"
                )
            if value.dtype == np.uint8 and "margin" in want.outputs:
                error, share = _bits(value, truth, want.outputs["margin"])
                changes.setdefault((want.signature, "bits"), []).append((share, want.rows))
            elif want.signature in jumping:
                error, share = _jumps(_distances(value, truth, where, name), tolerance)
                changes.setdefault((want.signature, "rows"), []).append((share, want.rows))
            else:
                error = float(np.max(_distances(value, truth, where, name), initial=0.0))
            entry["max_error"] = max(error, entry["max_error"])
            if error > tolerance:
                raise ExportError(
                    f"{where}: {name} differs from the Keras model by {error:.3g}, allowed are "
                    f"{tolerance:.3g}"
                )
    for (signature, what), shares in changes.items():
        changed = sum(share * rows for share, rows in shares) / sum(rows for _, rows in shares)
        found[signature][f"{what}_changed"] = changed
        if changed > max_changed:
            raise ExportError(
                f"signature {signature}: {changed:.2%} of the {what} differ from the Keras model, "
                f"allowed are {max_changed:.2%}"
            )
    return found


def _distances(value: np.ndarray, truth: np.ndarray, where: str, name: str) -> np.ndarray:
    if truth.dtype.kind not in "fc":
        return np.where(value == truth, 0.0, np.inf)
    if not (np.isfinite(value).all() and np.isfinite(truth).all()):
        raise ExportError(f"{where}: {name} is NaN or infinite for the inputs given")
    return np.abs(value - truth) / (1 + np.abs(truth))


def _jumps(distances: np.ndarray, tolerance: float) -> tuple[float, float]:
    """The largest distance in rows that did not jump, and the share of those that did."""
    largest = distances.reshape(len(distances), -1).max(axis=1, initial=0.0)
    jumped = largest > tolerance
    return float(np.max(largest, where=~jumped, initial=0.0)), float(np.mean(jumped))


def _bits(value: np.ndarray, truth: np.ndarray, margin: np.ndarray) -> tuple[float, float]:
    """The largest margin of a bit that differs, and the share of bits that do."""
    changed = np.unpackbits(value ^ truth, axis=-1)
    if changed[:, margin.shape[1] :].any():
        return float("inf"), 1.0
    changed = changed[:, : margin.shape[1]].astype(bool)
    return float(np.max(np.abs(margin) * changed, initial=0.0)), float(np.mean(changed))


def _save(file: Path, asked: Sequence[Exchange]) -> None:
    arrays: dict[str, Any] = {
        f"{exchange.signature}|{i}|{name}": np.frombuffer(
            tf.make_tensor_proto(value).SerializeToString(), np.uint8
        )
        for i, exchange in enumerate(asked)
        for name, value in exchange.inputs.items()
    }
    np.savez(file, **arrays)


def _load(file: Path, asked: Sequence[Exchange]) -> list[Exchange]:
    outputs: list[Arrays] = [{} for _ in asked]
    with np.load(file) as stored:
        for key in stored.files:
            _, number, name = key.split("|")
            proto = tensor_pb2.TensorProto.FromString(stored[key].tobytes())
            outputs[int(number)][name] = tf.make_ndarray(proto)
    return [
        dataclasses.replace(exchange, outputs=answer)
        for exchange, answer in zip(asked, outputs, strict=True)
    ]
