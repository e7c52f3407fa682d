"""Models trained in half precision: what is published and converted answers in float32."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from export import formats
from export.autoencoders import from_autoencoder
from export.savedmodel import traced

FILES = {"onnx": "m.onnx", "litert": "m.tflite"}
# Rounding to 8 or 11 bits in each layer; graphs may round at other places than Keras does.
TOLERANCES = {"mixed_bfloat16": 3e-2, "mixed_float16": 4e-3}


@pytest.fixture(scope="module", params=TOLERANCES)
def trained(request):
    """A policy's name, a model trained under it, and images."""
    keras.utils.set_random_seed(0)
    images = np.random.default_rng(0).random((32, 6, 6, 1), "float32")
    keras.config.set_dtype_policy(request.param)
    try:
        ae = zoo.create("semantic-hash", (6, 6, 1), 12, backbone="dense", hidden=(16,))
        ae.compile(optimizer="adam", jit_compile=False)
        ae.fit(images, verbose=0)
    finally:
        keras.config.set_dtype_policy("float32")
    return request.param, ae, images


def test_endpoints_answer_in_float32(trained):
    policy, ae, images = trained
    exportable = from_autoencoder(ae)
    for signature in exportable.signatures:
        inputs = signature.feed({"inputs": images[:5]})
        answer = traced(signature, exportable)(*map(tf.constant, inputs.values()))
        expected = signature.reference(inputs)
        for name, value in answer.items():
            assert value.dtype == (tf.uint8 if name == "code" else tf.float32)
            if name != "code":
                np.testing.assert_allclose(value, expected[name], atol=TOLERANCES[policy])


@pytest.mark.parametrize("form", FILES)
def test_files_answer_the_same(form, trained, tmp_path):
    for package in formats.FORMATS[form][1]:
        pytest.importorskip(package, reason="an optional package")
    policy, ae, images = trained
    found = formats.convert(ae, tmp_path / FILES[form], form, images)
    assert found["encode"]["max_error"] <= 1e-4
    run = getattr(formats, f"_{form}")(tmp_path / FILES[form])
    answer = run({"inputs": images[:5]})
    assert answer["embedding"].dtype == np.float32
    own = np.asarray(tf.cast(ae.encoder(images[:5]), tf.float32))
    np.testing.assert_allclose(answer["embedding"], own, atol=TOLERANCES[policy])
    assert ae.encoder.get_layer("encoder_dense_0").dtype_policy.name == policy
