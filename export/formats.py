"""Encoders as single files for other runtimes: ONNX and LiteRT, by Keras's own exporters."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

import zoo
from export import check, examples
from export.check import Exchange
from export.errors import ExportError
from export.options import CHECK_BATCH_SIZES, TOLERANCE
from export.precision import computing_in_float32
from export.signatures import Arrays, input_specs, pack, to_float

# The suffix of each format, and the packages that write and run it.
FORMATS = {
    "onnx": (".onnx", ("tf2onnx", "onnxruntime")),
    "litert": (".tflite", ("ai_edge_litert",)),
}

Run = Callable[[Arrays], Arrays]


def convert(
    model: zoo.Autoencoder | keras.Model,
    file: str | os.PathLike[str],
    form: str,
    inputs: Any = None,
    tolerance: float = TOLERANCE,
) -> dict[str, dict[str, Any]]:
    """Writes an encoder as one file, after its answers were compared with the Keras model's.

    The outputs are `embedding`, float32 `[batch, d]`, and for binary codes also `code`, packed
    bits, uint8 `[batch, ceil(bits / 8)]`; inputs keep the model's names. A model of mixed
    precision is written, and compared, as one that computes in float32.

    Args:
        model: An autoencoder, or any functional Keras encoder.
        file: What to write; it must not be there.
        form: `onnx` or `litert`.
        inputs: Inputs to compare answers for, `[n, ...]`; random numbers if omitted.
        tolerance: Largest error `|a - b| / (1 + |b|)`.

    Returns:
        What `check.compare` found.

    Raises:
        ValueError: If the format, the file's name or the inputs are not usable.
        FileExistsError: If the file is there.
        ExportError: If packages are missing, or the file can't be made or answers otherwise.

    Example:
        >>> convert(ae, "digits.onnx", "onnx")  # doctest: +SKIP
    """
    file = Path(file)
    suffix = check_request(file, form)
    encoder = model.encoder if isinstance(model, zoo.Autoencoder) else model
    specs = input_specs(encoder)
    if any(spec.dtype.name == "string" for spec in specs):
        raise ValueError(
            f"a file in {form} takes numbers, and this model takes strings; publish it as a "
            "SavedModel"
        )
    takes_holes = isinstance(model, zoo.Autoencoder) and model.missing_values
    if inputs is None:
        recorded = examples.draw(specs, missing_values=takes_holes)
    else:
        recorded = examples.check(inputs, specs, takes_holes)
    names = [tensor.name for tensor in encoder.inputs]
    # Runtimes on CPUs lack operations in half precision.
    with computing_in_float32(encoder):
        expected = [
            _asked(model, encoder, examples.batch(recorded, n), names) for n in CHECK_BATCH_SIZES
        ]
        whole = _with_code(model, encoder)
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{file.name}-", dir=file.parent) as folder:
            made = Path(folder, f"model{suffix}")
            answered = _made(whole, form, made, expected)
            jumps = isinstance(model, zoo.Autoencoder) and model.code.kind in ("sparse", "discrete")
            found = check.compare(expected, answered, tolerance, 0.01, ["encode"] if jumps else [])
            with made.open("rb") as written:
                os.fsync(written.fileno())
            # A link, unlike a rename, fails where somebody else has made the file meanwhile.
            os.link(made, file)
    return found


def _made(whole: keras.Model, form: str, file: Path, asked: list[Exchange]) -> list[Exchange]:
    """Writes a file and answers the requests from it."""
    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)  # the error says it
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            whole.export(str(file), format=form, verbose=False)
        run = _onnx(file) if form == "onnx" else _litert(file)
        return [Exchange(e.signature, e.inputs, run(e.inputs)) for e in asked]
    except Exception as error:
        # Converters fail with exceptions of their own and of every library below them.
        reason = " ".join(str(error).split())[:500] or type(error).__name__
        raise ExportError(f"the model can't be written as {form}: {reason}") from error


def check_request(file: Path, form: str) -> str:
    """Checks all that can be checked before a model is loaded.

    Returns:
        The suffix of the format.

    Raises:
        ValueError: If the format or the file's name is not usable.
        FileExistsError: If the file is there.
        ExportError: If packages are missing.
    """
    if form not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}. Received: {form}")
    suffix, packages = FORMATS[form]
    if file.suffix != suffix:
        raise ValueError(f"a file in {form} is named *{suffix}. Received: {file}")
    if os.path.lexists(file):
        raise FileExistsError(f"{file} is there already; name another file or remove it")
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise ExportError(
            f"{form} needs {' and '.join(missing)}, which is not installed: run "
            "pip install '.[formats]' in the project's folder"
        )
    return suffix


def _asked(model: keras.Model, encoder: keras.Model, arrays: Arrays, names: list[str]) -> Exchange:
    flat = list(arrays.values())
    answer = {"embedding": to_float(encoder(pack(encoder, flat), training=False))}
    if getattr(model, "binarize", None) is not None:
        answer["margin"] = to_float(model.binarize.margin(answer["embedding"]))
        answer["code"] = np.packbits(answer["margin"] > 0, axis=-1)
    return Exchange("encode", dict(zip(names, flat, strict=True)), answer)


def _with_code(model: keras.Model, encoder: keras.Model) -> keras.Model:
    outputs = {"embedding": keras.ops.cast(encoder.outputs[0], "float32")}
    if getattr(model, "binarize", None) is not None:
        outputs["code"] = zoo.layers.PackBits()(model.binarize(encoder.outputs[0]))
    whole = keras.Model(encoder.input, outputs)
    # The exporter to ONNX refuses a model that was never called.
    whole(pack(encoder, [np.zeros((1, *t.shape[1:]), t.dtype) for t in encoder.inputs]))
    return whole


def _onnx(file: Path) -> Run:
    onnxruntime = importlib.import_module("onnxruntime")
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    outputs = [output.name for output in session.get_outputs()]
    return lambda arrays: dict(zip(outputs, session.run(outputs, arrays), strict=True))


def _litert(file: Path) -> Run:
    interpreter = importlib.import_module("ai_edge_litert.interpreter")

    def run(arrays: Arrays) -> Arrays:
        # A new one each time: it may not be resized while answers of before are held.
        return interpreter.Interpreter(str(file)).get_signature_runner()(**arrays)

    return run
