import os

import keras
import numpy as np
import pytest

import export
import zoo

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@pytest.fixture(scope="session")
def images():
    return np.random.default_rng(1).random((70, 8, 8, 1), "float32")


@pytest.fixture(scope="session")
def hasher(images):
    """A semantic-hash autoencoder with 20 bits, so that the last byte is padded."""
    keras.utils.set_random_seed(3)
    ae = zoo.create("semantic-hash", input_shape=(8, 8, 1), code_dim=20, backbone="dense")
    ae.compile(optimizer="adam")
    ae.fit(images, epochs=1, verbose=0)
    ae.binarize.adapt(ae.encoder.predict(images, verbose=0))
    return ae


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    return tmp_path_factory.mktemp("base")


@pytest.fixture(scope="session")
def published(hasher, images, base):
    """The path of version 1 of the hasher; tests that change it work on a copy."""
    return export.publish(hasher, base, name="digits", examples=images)
