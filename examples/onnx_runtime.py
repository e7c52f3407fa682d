"""An app that runs an encoder with ONNX Runtime alone: no TensorFlow, no Keras.

    python -m export convert runs/digits digits.onnx --format onnx
    python examples/onnx_runtime.py digits.onnx

Takes a second; needs `pip install onnxruntime numpy`. Embeds four random inputs and prints the
shape of the embedding and, for binary codes, one line of hexadecimal digits a code.
"""

import sys

import numpy as np
import onnxruntime


def main(path: str) -> None:
    """Embeds four random inputs, and hashes them if the model has binary codes."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (spec,) = session.get_inputs()
    high, dtype = (255, "uint8") if spec.type == "tensor(uint8)" else (1, "float32")
    inputs = np.random.default_rng(0).uniform(0, high, (4, *spec.shape[1:])).astype(dtype)
    names = [output.name for output in session.get_outputs()]
    answer = dict(zip(names, session.run(names, {spec.name: inputs}), strict=True))
    print("embedding", answer["embedding"].shape)
    for code in answer.get("code", []):
        print("code", code.tobytes().hex())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python examples/onnx_runtime.py MODEL.onnx")
    main(sys.argv[1])
