"""An app that loads a published SavedModel with TensorFlow alone: it embeds and hashes images.

    python examples/load_savedmodel.py models/digits/1

Takes 6 seconds, nearly all of it TensorFlow's start; no code of this project is imported.
Prints the shape of the embedding and, for binary codes, one line of hexadecimal digits a code.
"""

import json
import pathlib
import sys

import numpy as np
import tensorflow as tf


def main(path: str) -> None:
    """Embeds four random inputs, and hashes them if the model has binary codes."""
    model = tf.saved_model.load(path)
    card = json.loads(pathlib.Path(path, "assets.extra/model_card.json").read_text())
    print(f"{card['name']}: {card['code']['size']} {card['code']['kind']} components")

    (spec,) = card["signatures"]["embed"]["inputs"].values()
    if spec["dtype"] == "string":
        sys.exit("This example draws numbers; for a model of strings write rows of your own.")
    high = 255 if spec["dtype"] == "uint8" else 1
    inputs = np.random.default_rng(0).uniform(0, high, (4, *spec["shape"][1:]))
    inputs = tf.constant(inputs.astype(spec["dtype"]))
    print("embedding", model.signatures["embed"](inputs=inputs)["embedding"].shape)
    if "hash" in model.signatures:
        for code in model.signatures["hash"](inputs=inputs)["code"].numpy():
            print("code", code.tobytes().hex())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python examples/load_savedmodel.py models/NAME/VERSION")
    main(sys.argv[1])
