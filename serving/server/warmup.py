"""Warm-up: the requests in `assets.extra` run before a version counts as available."""

from __future__ import annotations

import os
from typing import Any

import tensorflow as tf
from google.protobuf.message import DecodeError

from serving.server import examples_api
from serving.server.predict import prepare
from serving.server.servable import Servable
from serving.server.status import StatusError, invalid
from serving.wire.messages import PredictionLog

FILE = os.path.join("assets.extra", "tf_serving_warmup_requests")
LIMIT = 1000


def warm_up(servable: Servable, max_bytes: int, times: int = 1) -> int:
    """Runs the recorded requests; any that fails makes the version fail, as in TF Serving.

    Args:
        servable: The version.
        max_bytes: The largest tensor to decode.
        times: How often to run each.

    Returns:
        How many requests there were.

    Raises:
        StatusError: The file is not one of warm-up requests, or a request failed.
    """
    path = os.path.join(servable.path, FILE)
    if not os.path.exists(path):
        return 0
    count = 0
    try:
        for record in tf.compat.v1.io.tf_record_iterator(path):
            count += 1
            if count > LIMIT:
                raise invalid(f"Number of warmup records exceeds the maximum ({LIMIT}) at {path}")
            for _ in range(times):
                _run(record, servable, max_bytes)
    except tf.errors.DataLossError as error:
        raise StatusError(
            "DATA_LOSS",
            f"{error.message} Please verify your warmup data is in TFRecord format.",
        ) from error
    return count


def _run(record: bytes, servable: Servable, max_bytes: int) -> None:
    try:
        log: Any = PredictionLog.FromString(record)
    except DecodeError as error:
        raise invalid(f"Failed to parse warmup record: {record[:64]!r}") from error
    kind = log.WhichOneof("log_type")
    if kind is None:
        return
    if kind == "predict_log":
        call = prepare(log.predict_log.request, servable, max_bytes)
        if servable.rules:
            servable.rules.admit(call)
            servable.rules.run(call)
        else:
            call.run()
    elif kind == "classify_log":
        examples_api.classify(log.classify_log.request, servable)
    elif kind == "regress_log":
        examples_api.regress(log.regress_log.request, servable)
    elif kind == "multi_inference_log":
        examples_api.multi_inference(log.multi_inference_log.request, servable)
    else:
        raise StatusError("UNIMPLEMENTED", f"Unsupported log_type for warmup: {kind}")
