"""A plain Keras script: semantic hash codes of scikit-learn's digits.

    python -m examples.fit hash.keras
    python -m examples.fit hash.keras 5  # epochs, in place of 60

Takes 20 seconds on 2 cores. Prints the metrics of training, the error through the bits, and the
packed codes of three images; about 0.9 of all activations end within 0.05 of 0 or 1.
"""

import sys

import keras
import numpy as np

import zoo
from zoo.datasets import load

EPOCHS, BATCH_SIZE = 60, 64


def main(path: str, epochs: int) -> None:
    """Trains, saves, loads and uses a model."""
    keras.utils.set_random_seed(0)
    digits = load("digits")
    x_train, x_test = digits.x_train / np.float32(255), digits.x_test / np.float32(255)

    steps = epochs * -(-len(x_train) // BATCH_SIZE)
    ae = zoo.create("semantic-hash", input_shape=(8, 8, 1), code_dim=32, training_steps=steps)
    ae.compile(optimizer="adam")
    ae.fit(x_train, validation_data=x_test, epochs=epochs, batch_size=BATCH_SIZE, verbose=2)
    ae.save(path)

    loaded = keras.saving.load_model(path)  # `import zoo` is all it needs
    codes = zoo.layers.PackBits()(loaded.binarize(loaded.encoder(x_test[:3])))
    for code, label in zip(np.asarray(codes), digits.y_test, strict=False):
        print(f"a {label}: {code.tobytes().hex()}")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python -m examples.fit MODEL.keras [EPOCHS]")
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) == 3 else EPOCHS)
