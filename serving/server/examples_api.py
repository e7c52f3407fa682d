"""Classify, Regress and MultiInference: `tf.Example`s in, classes or values out.

Encoders have no such signatures; models exported with the older classify and regress methods do.
The checks and words are TF Serving's (classifier.cc, regressor.cc, multi_inference.cc).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from serving.server.predict import DEFAULT_SIGNATURE
from serving.server.servable import Servable
from serving.server.status import StatusError, invalid
from serving.wire.messages import (
    ClassificationResponse,
    Example,
    MultiInferenceResponse,
    RegressionResponse,
)

CLASSIFY = "tensorflow/serving/classify"
REGRESS = "tensorflow/serving/regress"


def classify(request: Any, servable: Servable) -> Any:
    """Answers Classify."""
    name, definition = _signature(request.model_spec, servable)
    response = ClassificationResponse()
    _fill_spec(response.model_spec, servable, name)
    _classify(request.input, servable, name, definition, response.result)
    return response


def regress(request: Any, servable: Servable) -> Any:
    """Answers Regress."""
    name, definition = _signature(request.model_spec, servable)
    response = RegressionResponse()
    _fill_spec(response.model_spec, servable, name)
    _regress(request.input, servable, name, definition, response.result)
    return response


def check_tasks(request: Any) -> Any:
    """Checks the tasks of a MultiInference request; returns the spec of their one model."""
    if not request.tasks:
        raise invalid("Inference request must have at least one task.")
    first = request.tasks[0].model_spec
    seen = set()
    for task in request.tasks:
        if not task.model_spec.name:
            raise invalid("Found ModelTask without model_spec name.")
        if task.model_spec.name != first.name:
            raise invalid(
                "All ModelTasks must access the same model name. Expected model:"
                f" {first.name} Actual model: {task.model_spec.name}"
            )
        if task.model_spec.signature_name in seen:
            raise invalid(f"Duplicate evaluation of signature: {task.model_spec.signature_name}")
        seen.add(task.model_spec.signature_name)
    return first


def multi_inference(request: Any, servable: Servable) -> Any:
    """Answers MultiInference."""
    response = MultiInferenceResponse()
    for task in request.tasks:
        result = response.results.add()
        name, definition = _signature(task.model_spec, servable)
        _fill_spec(result.model_spec, servable, name)
        fill: dict[str, tuple[Callable[..., None], Any]] = {
            CLASSIFY: (_classify, result.classification_result),
            REGRESS: (_regress, result.regression_result),
        }
        if task.method_name not in fill:
            raise StatusError(
                "UNIMPLEMENTED", f"Unsupported signature method_name: {task.method_name}"
            )
        run, target = fill[task.method_name]
        run(request.input, servable, name, definition, target)
    return response


def _signature(spec: Any, servable: Servable) -> tuple[str, Any]:
    name = spec.signature_name or DEFAULT_SIGNATURE
    if name not in servable.signatures:
        raise invalid(f"No signature was found with the name: {name}")
    return name, servable.signatures[name]


def _fill_spec(spec: Any, servable: Servable, signature: str) -> None:
    spec.name = servable.name
    spec.version.value = servable.version
    spec.signature_name = signature


def _classify(given: Any, servable: Servable, name: str, definition: Any, result: Any) -> None:
    if len(definition.inputs) != 1:
        raise invalid("Expected one input Tensor.")
    if len(definition.outputs) not in (1, 2):
        raise invalid(f"Expected one or two output Tensors, found {len(definition.outputs)}")
    if "inputs" not in definition.inputs:
        raise invalid(f"No classification inputs found in SignatureDef: {definition}")
    wanted = [key for key in ("classes", "scores") if key in definition.outputs]
    if not wanted:
        raise invalid(
            'Expected classification signature outputs to contain at least one of "classes" or'
            f' "scores". Signature was: {definition}'
        )
    examples = _examples(given, definition)
    outputs = dict(zip(wanted, servable.run(name, {"inputs": examples}, wanted), strict=True))
    for key, array in outputs.items():
        if array.ndim != 2:
            raise invalid(
                f"Expected Tensor shape: [batch_size num_classes] but got {list(array.shape)}"
            )
        if len(array) != len(examples):
            raise invalid(f"Expected {key} output batch size of {len(examples)}. Got: {len(array)}")
    for row in range(len(examples)):
        entry = result.classifications.add()
        for column in range(next(iter(outputs.values())).shape[1]):
            scored = entry.classes.add()
            if "classes" in outputs:
                scored.label = outputs["classes"][row, column]
            if "scores" in outputs:
                scored.score = float(outputs["scores"][row, column])


def _regress(given: Any, servable: Servable, name: str, definition: Any, result: Any) -> None:
    if len(definition.inputs) != 1:
        raise invalid("Expected one input Tensor.")
    if len(definition.outputs) != 1:
        raise invalid("Expected one output Tensor.")
    if "inputs" not in definition.inputs:
        raise invalid(f"No regression inputs found in SignatureDef: {definition}")
    if "outputs" not in definition.outputs:
        raise invalid(f"No regression outputs found in SignatureDef: {definition}")
    examples = _examples(given, definition)
    (values,) = servable.run(name, {"inputs": examples}, ["outputs"])
    if values.ndim not in (1, 2) or (values.ndim == 2 and values.shape[1] != 1):
        raise invalid(
            "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got"
            f" {list(values.shape)}"
        )
    if len(values) != len(examples):
        raise invalid(
            f"Input batch size did not match output batch size: {len(examples)} vs. {len(values)}"
        )
    for value in values.reshape(-1):
        result.regressions.add(value=float(value))


def _examples(given: Any, definition: Any) -> np.ndarray:
    """Serialises the request's examples; a context's features are added to each."""
    if given.WhichOneof("kind") == "example_list_with_context":
        merged = []
        for example in given.example_list_with_context.examples:
            whole = Example()
            whole.CopyFrom(given.example_list_with_context.context)
            whole.MergeFrom(example)
            merged.append(whole)
    else:
        merged = list(given.example_list.examples)
    if not merged:
        raise invalid("Input is empty.")
    if definition.inputs["inputs"].dtype != 7:
        raise invalid("Expects arg[0] to be string: the signature does not take tf.Examples")
    examples = np.empty(len(merged), dtype=object)
    examples[:] = [example.SerializeToString() for example in merged]
    return examples
