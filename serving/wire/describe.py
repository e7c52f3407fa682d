"""Writes `tfserving.binpb`, the message descriptors, from tensorflow-serving-api's own.

Run with tensorflow-serving-api installed: ``python -m serving.wire.describe``.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2

PATH = Path(__file__).with_name("tfserving.binpb")
ROOTS = (
    "tensorflow_serving.apis.prediction_service_pb2",
    "tensorflow_serving.apis.model_service_pb2",
    "tensorflow_serving.apis.prediction_log_pb2",
)


def descriptor_set() -> bytes:
    """Serialises the files of the gRPC API and all they import, dependencies first.

    Returns:
        A serialised `FileDescriptorSet`.
    """
    files: dict[str, bytes] = {}

    def visit(file: Any) -> None:
        if file.name in files:
            return
        for dependency in file.dependencies:
            visit(dependency)
        files[file.name] = file.serialized_pb

    for root in ROOTS:
        visit(importlib.import_module(root).DESCRIPTOR)
    described = descriptor_pb2.FileDescriptorSet()
    for serialized in files.values():
        described.file.add().ParseFromString(serialized)
    return described.SerializeToString(deterministic=True)


if __name__ == "__main__":
    PATH.write_bytes(descriptor_set())
