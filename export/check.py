"""Proof that a SavedModel answers as its Keras model: run elsewhere, compared here."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Sequence
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
    """Requests to every signature at every batch size, with the answers of the Keras model."""
    asked = []
    for size in sizes:
        batch = examples.batch(recorded, size)
        for signature in signatures:
            inputs = signature.feed(batch)
            asked.append(Exchange(signature.name, inputs, signature.reference(inputs)))
    return asked


def run_elsewhere(
    path: Path, asked: Sequence[Exchange], workspace: Path
) -> tuple[list[Exchange], dict[str, Any]]:
    """Answers requests from a SavedModel in a process of its own that has TensorFlow only.

    Args:
        path: The SavedModel.
        asked: What to ask; answers in it are ignored.
        workspace: Folder for the files exchanged.

    Returns:
        The exchanges with the SavedModel's answers, and the report of `export/reload.py`.

    Raises:
        ExportError: If the SavedModel does not load or answer.
    """
    sent, received = workspace / "requests.npz", workspace / "answers.npz"
    _save(sent, asked)
    command = [sys.executable, "-I", str(Path(__file__).with_name("reload.py"))]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    try:
        done = subprocess.run(
            [*command, str(path), str(sent), str(received)],
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
    return _load(received, asked), report


def compare(
    expected: Sequence[Exchange],
    answered: Sequence[Exchange],
    tolerance: float,
    max_bits_changed: float = 1.0,
) -> dict[str, dict[str, Any]]:
    """Compares the answers of a SavedModel with those of the Keras model.

    The error of a float output is `|a - b| / (1 + |b|)`. Bits must be equal but for those whose
    activation lies within the tolerance of its threshold.

    Args:
        expected: The Keras model's answers.
        answered: The SavedModel's answers to the same requests, in the same order.
        tolerance: Largest error allowed.
        max_bits_changed: Largest share of the bits of all requests to a signature that may
            differ.

    Returns:
        For each signature the batch sizes, the largest error, and for codes the share of bits
        that differ.

    Raises:
        ExportError: If an error is larger than allowed or an answer is not finite.
    """
    found: dict[str, dict[str, Any]] = {}
    bits: dict[str, list[tuple[float, int]]] = {}
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
                bits.setdefault(want.signature, []).append((share, want.rows))
            else:
                error = _distance(value, truth, where, name)
            entry["max_error"] = max(error, entry["max_error"])
            if error > tolerance:
                raise ExportError(
                    f"{where}: {name} differs from the Keras model by {error:.3g}, allowed are "
                    f"{tolerance:.3g}"
                )
    for signature, shares in bits.items():
        changed = sum(share * rows for share, rows in shares) / sum(rows for _, rows in shares)
        found[signature]["bits_changed"] = changed
        if changed > max_bits_changed:
            raise ExportError(
                f"signature {signature}: {changed:.2%} of the bits differ from the Keras model, "
                f"allowed are {max_bits_changed:.2%}"
            )
    return found


def _distance(value: np.ndarray, truth: np.ndarray, where: str, name: str) -> float:
    if not value.size:
        return 0.0
    if truth.dtype.kind not in "fc":
        return 0.0 if np.array_equal(value, truth) else float("inf")
    if not (np.isfinite(value).all() and np.isfinite(truth).all()):
        raise ExportError(f"{where}: {name} is NaN or infinite for finite inputs")
    return float(np.max(np.abs(value - truth) / (1 + np.abs(truth))))


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
