"""How a reconstruction is judged where a probability is rounded to 0 or 1."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.likelihood import error_unit, reconstruction_error


def test_a_sigmoid_is_judged_by_its_logits():
    logits = np.array([[[-40.0, 40.0]], [[3.0, -1.0]]], "float32")
    targets = np.array([[[1.0, 0.0]], [[0.3, 0.3]]], "float32")

    @tf.function
    def judge(z):
        with tf.GradientTape() as tape:
            tape.watch(z)
            probabilities = keras.layers.Activation("sigmoid", dtype="float32")(z)
            error = reconstruction_error("bernoulli", targets, probabilities)
        return error, tape.gradient(error, z)

    error, gradient = judge(tf.constant(logits))
    p = 1 / (1 + np.exp(-logits[1].astype("float64")))
    expected = -np.mean(targets[1] * np.log(p) + (1 - targets[1]) * np.log(1 - p))
    np.testing.assert_allclose(error, [40, expected], rtol=1e-5)
    np.testing.assert_allclose(gradient[0], [[-0.5, 0.5]], rtol=1e-5)
    # From numbers alone there is no better than to keep the logarithms finite.
    numbers = np.asarray(keras.ops.sigmoid(logits))
    capped = reconstruction_error("bernoulli", targets, numbers)
    np.testing.assert_allclose(capped, [-np.log(1e-7), expected], rtol=0.01)


@pytest.mark.parametrize(
    ("likelihood", "unit"),
    [
        ("bernoulli", "nats per component"),
        ("gaussian", "squared error per component"),
        ("multinomial", "nats per word"),
        ("table:2", "squared error per column"),
        ("table:0,3", "nats per column"),
        ("table:2,3,2", "squared error and nats per column"),
    ],
)
def test_units_of_the_error(likelihood, unit):
    assert error_unit(likelihood) == unit
