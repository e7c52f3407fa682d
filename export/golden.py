"""Recorded requests and answers that any server of the version must reproduce."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from export.check import Exchange

GOLDEN_FILE = "golden.tfrecord"
_MAX_BYTES = 32 * 2**20


def write(path: Path, name: str, exchanges: Sequence[Exchange]) -> int:
    """Writes `assets.extra/golden.tfrecord`: PredictionLogs with requests and responses.

    Requests that would take the file beyond 32 MiB are left out, but the first of each
    signature is always there.

    Args:
        path: The SavedModel's folder.
        name: The model's name, set in the requests.
        exchanges: Requests with the SavedModel's own answers.

    Returns:
        The number of records.
    """
    (path / "assets.extra").mkdir(exist_ok=True)
    size = count = 0
    seen = set()
    with tf.io.TFRecordWriter(str(path / "assets.extra" / GOLDEN_FILE)) as writer:
        for exchange in exchanges:
            log = request_log(name, exchange)
            response = log.predict_log.response
            response.model_spec.name = name
            response.model_spec.signature_name = exchange.signature
            for key, value in exchange.outputs.items():
                response.outputs[key].CopyFrom(tf.make_tensor_proto(value))
            record = log.SerializeToString()
            if exchange.signature in seen and size + len(record) > _MAX_BYTES:
                continue
            writer.write(record)
            seen.add(exchange.signature)
            size += len(record)
            count += 1
    return count


def read(path: Path) -> Iterator[Exchange]:
    """Reads back what `write` recorded.

    Args:
        path: The SavedModel's folder.

    Yields:
        The exchanges, in order.

    Raises:
        FileNotFoundError: If the version has no recorded answers.
        ValueError: If the file is damaged.
    """
    file = path / "assets.extra" / GOLDEN_FILE
    if not file.is_file():
        raise FileNotFoundError(f"no recorded answers at {file}; publish writes them")
    try:
        for record in tf.compat.v1.io.tf_record_iterator(str(file)):
            log = prediction_log_pb2.PredictionLog.FromString(record).predict_log
            yield Exchange(
                log.request.model_spec.signature_name,
                {key: tf.make_ndarray(value) for key, value in log.request.inputs.items()},
                {key: tf.make_ndarray(value) for key, value in log.response.outputs.items()},
            )
    except tf.errors.DataLossError as error:
        raise ValueError(f"{file} is damaged: {error.message}") from error


def request_log(name: str, exchange: Exchange) -> prediction_log_pb2.PredictionLog:
    """A PredictionLog with the request alone, as warm-up wants it."""
    log = prediction_log_pb2.PredictionLog()
    request = log.predict_log.request
    request.model_spec.name = name
    request.model_spec.signature_name = exchange.signature
    for key, value in exchange.inputs.items():
        request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
    return log
