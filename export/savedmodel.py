"""Signatures to a SavedModel on disk, with nothing in it that no endpoint uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from export.errors import ExportError
from export.signatures import Exportable, Signature


def write(exportable: Exportable, path: Path) -> dict[str, list[int]]:
    """Writes the endpoints as a SavedModel.

    Only variables that some endpoint reads are saved: optimizer slots, step counters of noise
    and random states of a model stay behind.

    Args:
        exportable: The endpoints and the layers they call.
        path: Folder to make.

    Returns:
        The variables saved, by their paths in the model, with their shapes.

    Raises:
        ExportError: If TensorFlow can't trace or save an endpoint, or an endpoint reads a
            variable that is no weight of the exported layers.
    """
    archive = keras.export.ExportArchive()
    known = {id(variable): name for name, variable in exportable.stored.items()}
    for layer in exportable.layers:
        known.update({id(weight.value): weight.path for weight in layer.weights})
        for table in _tables(layer):
            archive.track(table)
    saved = {}
    for signature in exportable.signatures:
        function = traced(signature, exportable)
        for variable in function.get_concrete_function().variables:
            if id(variable) not in known:
                raise ExportError(
                    f"signature {signature.name} reads {variable.name}, which is no weight of the "
                    "exported layers: noise, dropout and metrics must be off outside of training"
                )
            saved[known[id(variable)]] = list(variable.shape)
        archive.add_endpoint(signature.name, function)
    try:
        archive.write_out(str(path), verbose=False)
    except tf.errors.OpError as error:
        raise ExportError(f"TensorFlow could not write {path}: {error.message}") from error
    return saved


def traced(signature: Signature, exportable: Exportable) -> tf.types.experimental.GenericFunction:
    """An endpoint as a graph, reading what the exportable puts in place of variables.

    Raises:
        ExportError: If TensorFlow can't trace it.
    """

    def graph(function: Callable[..., Any]) -> tf.types.experimental.GenericFunction:
        made = tf.function(function, input_signature=list(signature.inputs), autograph=False)
        try:
            made.get_concrete_function()
        except (TypeError, ValueError, tf.errors.OpError) as error:
            raise ExportError(f"signature {signature.name} can't be traced: {error}") from error
        return made

    if not exportable.replaced:
        return graph(signature.function)
    # Replacements of variables that it does not read would be saved with it.
    used = {id(v) for v in graph(signature.function).get_concrete_function().variables}

    def endpoint(*inputs: Any) -> dict[str, tf.Tensor]:
        mapping = [(v, read()) for v, read in exportable.replaced if id(v.value) in used]
        with keras.StatelessScope(state_mapping=mapping):
            return signature.function(*inputs)

    return graph(endpoint)


def _tables(layer: keras.layers.Layer) -> Iterator[tf.saved_model.experimental.TrackableResource]:
    """Lookup tables of text layers: variables are found by tracing, tables are not."""
    for part in layer._flatten_layers():
        for value in vars(part).values():
            if isinstance(value, tf.saved_model.experimental.TrackableResource):
                yield value
