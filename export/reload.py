"""Runs a SavedModel as a model server would; a script for a process that has TensorFlow only.

It uses the loader of TensorFlow 1: like the server's own, and unlike `tf.saved_model.load`, it
fails on variables that the SavedModel uses but does not track. Command:

    python -I export/reload.py SAVED_MODEL REQUESTS.npz ANSWERS.npz

Requests are named `<signature>|<request number>|<input>`, each a serialised TensorProto; the
answers the same with output names. A JSON object on stdout tells what was found.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

FORBIDDEN = ("PyFunc", "EagerPyFunc", "PyFuncStateless")


def main(path: str, requests_file: str, answers_file: str) -> dict:
    """Loads, inspects and runs the SavedModel.

    Args:
        path: The SavedModel's folder.
        requests_file: Requests to answer.
        answers_file: Where to write the answers.

    Returns:
        Load time, signatures, ops that no server runs; if there are none of these, milliseconds
        of the first request, and rows a second of `embed` at its last, largest batch.
    """
    requests: dict[tuple[str, str], dict[str, np.ndarray]] = {}
    with np.load(requests_file) as stored:
        for key in stored.files:
            signature, number, name = key.split("|")
            tensor = tf.make_ndarray(tensor_pb2.TensorProto.FromString(stored[key].tobytes()))
            requests.setdefault((signature, number), {})[name] = tensor
    report: dict = {"first_request_ms": None}
    answers: dict[str, Any] = {}
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        started = time.perf_counter()
        meta = tf.compat.v1.saved_model.load(session, ["serve"], path)
        report["load_seconds"] = round(time.perf_counter() - started, 3)
        report["signatures"] = {
            name: {"inputs": _specs(definition.inputs), "outputs": _specs(definition.outputs)}
            for name, definition in sorted(meta.signature_def.items())
            if name != "__saved_model_init_op"
        }
        report["forbidden_ops"] = sorted(
            {op.name for op in meta.meta_info_def.stripped_op_list.op} & set(FORBIDDEN)
        )
        if report["forbidden_ops"]:
            return report
        largest: tuple | None = None
        for (signature, number), inputs in requests.items():
            definition = meta.signature_def[signature]
            feed = {definition.inputs[name].name: value for name, value in inputs.items()}
            fetch = {name: info.name for name, info in definition.outputs.items()}
            started = time.perf_counter()
            outputs = session.run(fetch, feed)
            if report["first_request_ms"] is None:
                report["first_request_ms"] = round(1000 * (time.perf_counter() - started), 2)
            if signature == "embed":
                largest = (fetch, feed)
            for name, value in outputs.items():
                proto = tf.make_tensor_proto(value).SerializeToString()
                answers[f"{signature}|{number}|{name}"] = np.frombuffer(proto, np.uint8)
        report["rows_per_second"] = _speed(session, *largest) if largest else None
    np.savez(answers_file, **answers)
    return report


def _speed(session: tf.compat.v1.Session, fetch: dict, feed: dict) -> int:
    """Rows a second of one request repeated, the median of five runs."""
    rows = len(next(iter(feed.values())))
    speeds = []
    for _ in range(5):
        started, calls = time.perf_counter(), 0
        while time.perf_counter() < started + 0.05:
            session.run(fetch, feed)
            calls += 1
        speeds.append(rows * calls / (time.perf_counter() - started))
    return round(sorted(speeds)[2])


def _specs(infos: dict) -> dict:
    return {
        name: {
            "dtype": tf.dtypes.as_dtype(info.dtype).name,
            "shape": [None if d.size < 0 else d.size for d in info.tensor_shape.dim],
        }
        for name, info in sorted(infos.items())
    }


if __name__ == "__main__":
    try:
        result = main(*sys.argv[1:4])
    except Exception as error:
        # Whatever is wrong with the SavedModel is what the caller wants to know.
        result = {"error": " ".join(str(error).split())[:2000] or type(error).__name__}
    json.dump(result, sys.stdout)
