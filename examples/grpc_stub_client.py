"""Hashes one row of images with bare TF Serving stubs: no code of this project.

    python examples/grpc_stub_client.py localhost:8500 fashion [row.npy]

Takes 5 s (importing TensorFlow's messages); prints the packed code as hexadecimal. Without a
file it sends zeros of the shape that the model's metadata tells.
"""

import sys
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
)


def input_info(stub: prediction_service_pb2_grpc.PredictionServiceStub, model: str) -> Any:
    """Asks what the `hash` signature reads: a TensorInfo with dtype and shape."""
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = model
    answer = stub.GetModelMetadata(request, timeout=10)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    answer.metadata["signature_def"].Unpack(signatures)
    return signatures.signature_def["hash"].inputs["inputs"]


def main(address: str, model: str, path: str | None = None) -> None:
    """Sends one row and prints its code."""
    with grpc.insecure_channel(address) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        info = input_info(stub, model)
        shape = [dim.size for dim in info.tensor_shape.dim[1:]]
        row = np.load(path).reshape(1, *shape) if path else np.zeros((1, *shape))
        request = predict_pb2.PredictRequest()
        request.model_spec.name = model
        request.model_spec.signature_name = "hash"
        request.inputs["inputs"].CopyFrom(tf.make_tensor_proto(row, dtype=info.dtype))
        answer = stub.Predict(request, timeout=10)
        print(tf.make_ndarray(answer.outputs["code"]).tobytes().hex())


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit("usage: python examples/grpc_stub_client.py HOST:PORT MODEL [ROW.npy]")
    main(*sys.argv[1:])
