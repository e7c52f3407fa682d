import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.evaluation.jacobian import jacobian_norms


@pytest.fixture(scope="module")
def ae():
    keras.utils.set_random_seed(0)
    return zoo.create(
        "undercomplete",
        input_shape=(4, 4, 1),
        code_dim=5,
        preprocessing=keras.layers.Rescaling(1 / 255),
        input_dtype="uint8",
        hidden=[7],
    )


def test_is_the_norm_of_the_whole_jacobian(ae):
    x = np.random.default_rng(0).integers(0, 255, (6, 4, 4, 1), "uint8")
    pixels = tf.constant(x / 255, "float32")
    encoder = keras.Model(ae.preprocessor.output, ae.encoder.output)
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        codes = encoder(pixels)
    jacobian = tape.batch_jacobian(codes, pixels).numpy()
    expected = np.sqrt((jacobian**2).sum((1, 2, 3, 4)))
    np.testing.assert_allclose(jacobian_norms(ae, x), expected, rtol=1e-5)


def test_blocks_do_not_change_it(ae, monkeypatch):
    x = np.random.default_rng(0).integers(0, 255, (7, 4, 4, 1), "uint8")
    whole = jacobian_norms(ae, x)
    monkeypatch.setattr("zoo.evaluation.jacobian.BLOCK", 11)
    np.testing.assert_allclose(jacobian_norms(ae, x), whole, rtol=1e-5)


def test_a_saved_model_has_one_too(ae, tmp_path):
    x = np.zeros((2, 4, 4, 1), "uint8")
    ae.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(jacobian_norms(loaded, x), jacobian_norms(ae, x))


def test_codes_without_gradients_have_none():
    inputs = keras.Input((3,))
    hidden = keras.layers.Dense(4)(inputs)
    code = keras.layers.Lambda(lambda x: keras.ops.cast(x > 0, "float32"))(hidden)
    outputs = keras.layers.Dense(3)(code)
    ae = zoo.Autoencoder(inputs, outputs, code=code, code_spec=zoo.CodeSpec("discrete", 4))
    assert jacobian_norms(ae, np.zeros((2, 3), "float32")) is None
