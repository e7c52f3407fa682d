"""A published SavedModel as a frozen layer of a new Keras model.

    python examples/keras_layer.py models/digits/1

Takes 7 seconds; no code of this project is imported. Builds a classifier of ten classes on the
embedding and prints its output shape for four inputs.
"""

import json
import pathlib
import sys

import keras
import numpy as np


def main(path: str) -> None:
    """Puts a dense layer on the published embedding."""
    card = json.loads(pathlib.Path(path, "assets.extra/model_card.json").read_text())
    ((name, spec),) = card["signatures"]["embed"]["inputs"].items()
    if spec["dtype"] == "string":
        sys.exit("This example draws numbers; for a model of strings write rows of your own.")
    inputs = keras.Input(spec["shape"][1:], name=name, dtype=spec["dtype"])
    embed = keras.layers.TFSMLayer(path, call_endpoint="embed")
    classes = keras.layers.Dense(10, "softmax")(embed(inputs)["embedding"])
    classifier = keras.Model(inputs, classes)

    high = 255 if spec["dtype"] == "uint8" else 1
    images = np.random.default_rng(0).uniform(0, high, (4, *spec["shape"][1:]))
    images = images.astype(spec["dtype"])
    print("classes", tuple(classifier(images).shape))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python examples/keras_layer.py models/NAME/VERSION")
    main(sys.argv[1])
