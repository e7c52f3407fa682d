import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.testing import run_layer_test
from zoo.layers import SaturatingNoise


def growing(steps=10, end=4.0):
    return keras.optimizers.schedules.PolynomialDecay(0.0, steps, end_learning_rate=end)


@pytest.mark.parametrize("stddev", [0.0, 2.5, growing()])
def test_layer(stddev):
    inputs = np.random.normal(size=(6, 5)).astype("float32")
    run_layer_test(SaturatingNoise(stddev, seed=1), inputs, (5,), non_trainable_weights=1)


def test_off_outside_training():
    inputs = np.random.normal(size=(6, 5)).astype("float32")
    layer = SaturatingNoise(3.0)
    np.testing.assert_array_equal(layer(inputs), inputs)
    assert int(layer.step) == 0


@pytest.mark.parametrize("jit_compile", [False, True])
def test_noise_has_the_scheduled_stddev_at_every_step(jit_compile):
    """The step lives in a weight, so a traced function sees it grow."""
    layer = SaturatingNoise(growing(), seed=1)
    layer.build((None, 1000))
    zeros = np.zeros((64, 1000), "float32")
    step = tf.function(lambda: layer(zeros, training=True), jit_compile=jit_compile)
    seen = [np.std(step()) for _ in range(12)]
    np.testing.assert_allclose(seen, [min(0.4 * i, 4.0) for i in range(12)], rtol=0.02)


def test_noise_is_independent_of_units_and_centred():
    noise = np.asarray(SaturatingNoise(1.5, seed=1)(np.zeros((20000, 3), "float32"), training=True))
    np.testing.assert_allclose(np.cov(noise.T), 2.25 * np.eye(3), atol=0.08)
    np.testing.assert_allclose(noise.mean(0), 0, atol=0.05)


def test_reports_the_share_of_saturated_units():
    layer = SaturatingNoise(0.0)
    layer(np.float32([[-9.0, 9.0, 0.0, 2.9]]))
    assert float(layer.saturated_fraction.result()) == 0.5


def test_refuses_negative_stddev():
    with pytest.raises(ValueError, match="Received: stddev=-1"):
        SaturatingNoise(-1)
