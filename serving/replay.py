"""Replays recorded requests against a running server: a deployment's smoke test."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

from serving.client import Client
from serving.errors import ServingError
from serving.wire.codec import to_array
from serving.wire.messages import PredictionLog
from serving.wire.records import read_records

GOLDEN = Path("assets.extra") / "golden.tfrecord"


@dataclass
class Verdict:
    """How the answers of one signature compare with the recorded ones."""

    signature: str
    requests: int = 0
    rows: int = 0
    max_error: float = 0.0
    """Largest absolute difference of a floating-point output."""
    bits: int = 0
    """Bits of packed codes that differ."""
    problem: str = ""
    """The first thing that was wrong; empty when it passed."""

    @property
    def passed(self) -> bool:
        """Whether every answer was right."""
        return not self.problem


def read_golden(path: str | Path) -> Iterator[Any]:
    """Reads the recorded requests with their responses.

    Args:
        path: A TFRecord file of `PredictionLog`s.

    Yields:
        `PredictLog` messages.

    Raises:
        ValueError: The file holds something else.
    """
    for number, record in enumerate(read_records(path)):
        try:
            log = PredictionLog.FromString(record)
        except DecodeError as error:
            raise ValueError(f"{path}: record {number} is not a PredictionLog") from error
        if log.WhichOneof("log_type") != "predict_log" or not log.predict_log.response.outputs:
            raise ValueError(f"{path}: record {number} holds no Predict request with its response")
        yield log.predict_log


def replay(
    client: Client, logs: Iterable[Any], rtol: float = 1e-3, atol: float = 1e-4, max_bits: int = 0
) -> list[Verdict]:
    """Sends recorded requests and compares the answers.

    Args:
        client: Speaks to the model.
        logs: What `read_golden` yields.
        rtol: Relative difference that floating-point outputs may have.
        atol: Absolute difference that they may have besides.
        max_bits: Bits that the codes of one signature may differ in. Another processor may round
            an activation that lies on a threshold to its other side.

    Returns:
        One verdict for each signature, in the order of the recording.
    """
    verdicts: dict[str, Verdict] = {}
    for log in logs:
        name = log.request.model_spec.signature_name or "serving_default"
        verdict = verdicts.setdefault(name, Verdict(name))
        verdict.requests += 1
        inputs = {key: to_array(tensor) for key, tensor in log.request.inputs.items()}
        wanted = {key: to_array(tensor) for key, tensor in log.response.outputs.items()}
        verdict.rows += max((len(array) for array in inputs.values() if array.ndim), default=1)
        try:
            answer = client.predict(name, inputs)
        except ServingError as error:
            verdict.problem = verdict.problem or str(error)
            continue
        for key, array in wanted.items():
            problem = _compare(verdict, key, answer.get(key), array, rtol, atol, max_bits)
            verdict.problem = verdict.problem or problem
    return list(verdicts.values())


def _compare(
    verdict: Verdict,
    key: str,
    got: np.ndarray | None,
    want: np.ndarray,
    rtol: float,
    atol: float,
    max_bits: int,
) -> str:
    if got is None:
        return f"no output {key}"
    if got.shape != want.shape or got.dtype != want.dtype:
        return (
            f"{key} is {got.dtype} {list(got.shape)}, recorded was {want.dtype} {list(want.shape)}"
        )
    if want.dtype.kind in "fc":
        error = np.abs(got.astype(np.complex128) - want)
        if error.size:
            verdict.max_error = max(verdict.max_error, float(np.nanmax(error, initial=0.0)))
        if not np.allclose(got, want, rtol=rtol, atol=atol, equal_nan=True):
            return f"{key} differs by up to {float(np.nanmax(error)):.3g}"
    elif want.dtype == np.uint8:
        verdict.bits += int(np.bitwise_count(got ^ want).sum())
        if verdict.bits > max_bits:
            return f"{key} differs in {verdict.bits} bits"
    elif not np.array_equal(got, want):
        return f"{key} differs in {int(np.sum(got != want))} values"
    return ""
