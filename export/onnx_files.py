"""ONNX files beside a SavedModel, for servers that run them: `assets.extra/onnx/`."""

from __future__ import annotations

import importlib
import importlib.util
import json
import logging
import os
import warnings
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.framework import op_def_registry

from export.check import Exchange, compare
from export.errors import ExportError

FOLDER = os.path.join("assets.extra", "onnx")
INDEX = "signatures.json"
# Operations with a state that converting keeps: variables, which become constants, and calls,
# whose functions are looked at by themselves.
_KEPT = {
    *("VarHandleOp", "ReadVariableOp", "ResourceGather", "NoOp"),
    *("PartitionedCall", "StatefulPartitionedCall", "If", "While"),
}


def write(
    version: Path,
    expected: Sequence[Exchange],
    aliases: Mapping[str, str],
    tolerance: float,
    max_changed: float = 1.0,
    jumping: Collection[str] = (),
) -> dict[str, Any]:
    """Writes a file for every signature that ONNX Runtime answers as TensorFlow does.

    `assets.extra/onnx/signatures.json` names the file of each. What can't be converted (tables,
    strings, assertions, random numbers) is left to TensorFlow.

    Args:
        version: The SavedModel's folder.
        expected: Requests with the right answers; each of their signatures is tried.
        aliases: Signatures that answer as others: alias to name.
        tolerance: As for `check.compare`.
        max_changed: As for `check.compare`.
        jumping: As for `check.compare`.

    Returns:
        For each signature the largest error, or why it is left to TensorFlow.

    Raises:
        ExportError: If packages are missing or no signature can be converted.
    """
    check_packages()
    loaded = tf.saved_model.load(str(version))
    folder = version / FOLDER
    folder.mkdir(parents=True)
    found: dict[str, Any] = {}
    files: dict[str, str] = {}
    for name in dict.fromkeys(exchange.signature for exchange in expected):
        asked = [exchange for exchange in expected if exchange.signature == name]
        file = folder / f"{name}.onnx"
        try:
            _convert(loaded.signatures[name], file)
            answered = _ask(file, asked)
            checked = compare(asked, answered, tolerance, max_changed, jumping)[name]
        except Exception as error:
            # Converters fail with exceptions of their own and of every library below them.
            file.unlink(missing_ok=True)
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            found[name] = f"left to TensorFlow: {reason}"
        else:
            files[name], found[name] = file.name, checked["max_error"]
    if not files:
        raise ExportError(f"no signature can be written as ONNX: {found}")
    files |= {alias: files[name] for alias, name in aliases.items() if name in files}
    (folder / INDEX).write_text(json.dumps(files, indent=2) + "\n", encoding="utf-8")
    return found


def check_packages() -> None:
    """Refuses where the converter or the runtime is missing.

    Raises:
        ExportError: They are.
    """
    missing = [n for n in ("tf2onnx", "onnxruntime") if importlib.util.find_spec(n) is None]
    if missing:
        raise ExportError(
            f"ONNX files need {' and '.join(missing)}, which is not installed: run "
            "pip install '.[formats]' in the project's folder"
        )


def _convert(function: Any, file: Path) -> None:
    if stateful := _stateful(function.graph.as_graph_def()):
        raise ValueError(f"it holds operations that ONNX lacks: {', '.join(sorted(stateful))}")
    _, specs = function.structured_input_signature
    names = sorted(specs)
    call = tf.function(
        lambda *inputs: function(**dict(zip(names, inputs, strict=True))), autograph=False
    )
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        converter = importlib.import_module("tf2onnx")
        converter.convert.from_function(
            call,
            [specs[name] for name in names],
            custom_op_handlers={"Log1p": (_log1p, [])},
            output_path=str(file),
        )


def _log1p(context: Any, node: Any, *_: Any) -> None:
    """Writes log(1 + x), which the converter lacks; errors of Bernoulli models hold it."""
    dtypes, shapes = node.output_dtypes, node.output_shapes
    one = context.make_const(f"{node.name}_one", np.ones((), np.float32))
    context.remove_node(node.name)
    total = context.make_node("Add", [node.input[0], one.output[0]], dtypes=dtypes, shapes=shapes)
    context.make_node(
        "Log", total.output, outputs=node.output, name=node.name, dtypes=dtypes, shapes=shapes
    )


def _stateful(graph: tf.compat.v1.GraphDef) -> set[str]:
    """Operations, those of the library's functions too, that do more than compute."""
    nodes = [*graph.node, *(n for function in graph.library.function for n in function.node_def)]
    definitions = {name: op_def_registry.get(name) for name in {node.op for node in nodes}}
    return {
        name
        for name, definition in definitions.items()
        if definition is not None and definition.is_stateful and name not in _KEPT
    }


def _ask(file: Path, asked: Sequence[Exchange]) -> list[Exchange]:
    runtime = importlib.import_module("onnxruntime")
    session = runtime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return [
        Exchange(e.signature, e.inputs, dict(zip(names, session.run(names, e.inputs), strict=True)))
        for e in asked
    ]
