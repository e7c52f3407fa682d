"""ONNX Runtime in place of TensorFlow, for the signatures of a version that have ONNX files.

`assets.extra/onnx/signatures.json` names a file in its folder for each, as the publisher left
them. Signatures without one, and requests that ONNX Runtime refuses, are TensorFlow's.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

FOLDER = os.path.join("assets.extra", "onnx")
INDEX = "signatures.json"
# TensorFlow's number of a dtype to ONNX Runtime's name.
_TYPES = {
    **{1: "tensor(float)", 2: "tensor(double)", 3: "tensor(int32)", 4: "tensor(uint8)"},
    **{5: "tensor(int16)", 6: "tensor(int8)", 9: "tensor(int64)", 10: "tensor(bool)"},
    **{17: "tensor(uint16)", 19: "tensor(float16)", 22: "tensor(uint32)", 23: "tensor(uint64)"},
}

Run = Callable[[Mapping[str, np.ndarray], Sequence[str]], list[np.ndarray]]
log = logging.getLogger("serving")


def check_installed() -> None:
    """Refuses where ONNX Runtime is missing.

    Raises:
        ValueError: It is.
    """
    if importlib.util.find_spec("onnxruntime") is None:
        raise ValueError(
            "--engine onnxruntime needs onnxruntime, which is not installed: run pip install"
            " onnxruntime, or use --engine embedded"
        )


def load(path: str, signatures: Mapping[str, Any], threads: int) -> dict[str, Run]:
    """Loads the files of a version.

    Args:
        path: The version's directory.
        signatures: Name to `SignatureDef`; a file must have the same inputs and outputs.
        threads: Cores that one request may use.

    Returns:
        Signature name to what computes its outputs. It may be any of them or none; the log says
        which are left to TensorFlow, and why.
    """
    folder = os.path.join(path, FOLDER)
    try:
        files = _read_index(folder)
    except (OSError, ValueError) as error:
        log.warning("%s: TensorFlow answers every signature: %s", path, error)
        return {}
    sessions: dict[str, Any] = {}
    runs: dict[str, Run] = {}
    for name in sorted(set(signatures) - {"__saved_model_init_op"}):
        if name not in files:
            log.warning("%s: TensorFlow answers %s, which has no ONNX file", path, name)
            continue
        try:
            file = files[name]
            if file not in sessions:
                sessions[file] = _open(os.path.join(folder, file), threads)
            _check(sessions[file], signatures[name])
        except Exception as error:  # of ONNX Runtime's many kinds
            log.warning("%s: TensorFlow answers %s: %s", path, name, " ".join(str(error).split()))
            continue
        runs[name] = _runner(sessions[file])
    return runs


def _read_index(folder: str) -> dict[str, str]:
    with open(os.path.join(folder, INDEX), encoding="utf-8") as file:
        files = json.load(file)
    if not isinstance(files, dict) or not all(
        isinstance(name, str) and name == os.path.basename(name) for name in files.values()
    ):
        raise ValueError(f"{INDEX} must map signatures to names of files beside it")
    return files


def _open(file: str, threads: int) -> Any:
    runtime = importlib.import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that spin take the cores from requests.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    return runtime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def _check(session: Any, definition: Any) -> None:
    for kind, found, wanted in (
        ("inputs", session.get_inputs(), definition.inputs),
        ("outputs", session.get_outputs(), definition.outputs),
    ):
        have = {tensor.name: tensor.type for tensor in found}
        want = {name: _TYPES.get(info.dtype) for name, info in wanted.items()}
        if have != want:
            raise ValueError(f"the file has the {kind} {have}, the signature {want}")


def _runner(session: Any) -> Run:
    def run(feeds: Mapping[str, np.ndarray], outputs: Sequence[str]) -> list[np.ndarray]:
        return session.run(list(outputs), dict(feeds))

    return run
