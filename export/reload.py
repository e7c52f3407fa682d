"""Runs a SavedModel as a model server would; a script for a process that has TensorFlow only.

It uses the loader of TensorFlow 1: like the server's own, and unlike `tf.saved_model.load`, it
fails on variables that the SavedModel uses but does not track. Command:

    python -I export/reload.py SAVED_MODEL REQUESTS.npz ANSWERS.npz [OTHER_SAVED_MODEL]

Requests are named `<signature>|<request number>|<input>`, each a serialised TensorProto; the
answers the same with output names. A JSON object on stdout tells what was found. Another
SavedModel is timed beside the first, the two taking turns.
"""

from __future__ import annotations

import contextlib
import functools
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

FORBIDDEN = ("PyFunc", "EagerPyFunc", "PyFuncStateless")


def main(path: str, requests_file: str, answers_file: str, other: str | None = None) -> dict:
    """Loads, inspects and runs the SavedModel.

    Args:
        path: The SavedModel's folder.
        requests_file: Requests to answer.
        answers_file: Where to write the answers.
        other: A SavedModel to time beside.

    Returns:
        Load time, signatures, ops that no server runs; if there are none of these, milliseconds
        of the first request, and rows a second of the first signature at its last, largest
        batch; of the other SavedModel, too, if there is one.
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
        first_signature = next(iter(requests))[0]
        for (signature, number), inputs in requests.items():
            definition = meta.signature_def[signature]
            feed = {definition.inputs[name].name: value for name, value in inputs.items()}
            fetch = {name: info.name for name, info in definition.outputs.items()}
            started = time.perf_counter()
            outputs = session.run(fetch, feed)
            if report["first_request_ms"] is None:
                report["first_request_ms"] = round(1000 * (time.perf_counter() - started), 2)
            if signature == first_signature:
                largest = (signature, inputs)
                repeated = functools.partial(session.run, fetch, feed)
            for name, value in outputs.items():
                proto = tf.make_tensor_proto(value).SerializeToString()
                answers[f"{signature}|{number}|{name}"] = np.frombuffer(proto, np.uint8)
        with contextlib.ExitStack() as stack:
            runs: list[Callable[[], Any]] = [repeated]
            if other is not None:
                runs.append(_loaded(other, *largest, stack))
            rows = len(next(iter(largest[1].values())))
            report["rows_per_second"], *beside = _speeds(runs, rows)
            if beside:
                report["other_rows_per_second"] = beside[0]
    np.savez(answers_file, **answers)
    return report


def _loaded(
    path: str, signature: str, inputs: dict[str, np.ndarray], stack: contextlib.ExitStack
) -> Callable[[], Any]:
    """One request to another SavedModel, in a session of its own, that was run once."""
    session = stack.enter_context(tf.compat.v1.Session(graph=tf.Graph()))
    with session.graph.as_default():
        meta = tf.compat.v1.saved_model.load(session, ["serve"], path)
    definition = meta.signature_def[signature]
    feed = {definition.inputs[name].name: value for name, value in inputs.items()}
    fetch = {name: info.name for name, info in definition.outputs.items()}
    session.run(fetch, feed)
    return functools.partial(session.run, fetch, feed)


def _speeds(runs: list[Callable[[], Any]], rows: int) -> list[int]:
    """Rows a second of each, taking turns so that a busy machine slows all: medians of seven."""
    speeds: list[list[float]] = [[] for _ in runs]
    for _ in range(7):
        for run, found in zip(runs, speeds, strict=True):
            started, calls = time.perf_counter(), 0
            while time.perf_counter() < started + 0.05:
                run()
                calls += 1
            found.append(rows * calls / (time.perf_counter() - started))
    return [round(sorted(found)[3]) for found in speeds]


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
        result = main(*sys.argv[1:])
    except Exception as error:
        # Whatever is wrong with the SavedModel is what the caller wants to know.
        result = {"error": " ".join(str(error).split())[:2000] or type(error).__name__}
    json.dump(result, sys.stdout)
