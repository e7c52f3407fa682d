import numpy as np
import pytest

from tests.zoo.testing import run_layer_test
from zoo.layers import Binarize


def test_layer():
    run_layer_test(
        Binarize(0.3), np.random.rand(6, 5).astype("float32"), (5,), non_trainable_weights=1
    )


def test_rule_is_strictly_above_the_threshold():
    layer = Binarize(0.5)
    below, above = np.nextafter(np.float32(0.5), np.float32([0, 1]))
    np.testing.assert_array_equal(layer(np.float32([[below, 0.5, above]])), [[0, 0, 1]])


def test_half_precision_policy_does_not_move_the_rule():
    above = np.nextafter(np.float32(0.5), np.float32(1))
    np.testing.assert_array_equal(
        np.asarray(Binarize(dtype="mixed_bfloat16")(np.float32([[above]]))), [[1]]
    )


def test_adapt_balances_every_bit():
    activations = np.random.default_rng(0).beta(0.5, 2.0, (1001, 8)).astype("float32")
    layer = Binarize()
    layer.adapt(activations)
    np.testing.assert_array_equal(np.asarray(layer(activations)).sum(0), np.full(8, 500))


def test_margin_is_the_signed_distance():
    layer = Binarize(0.25)
    np.testing.assert_array_equal(layer(np.float32([[1.0, 0.0]])), [[1, 0]])
    np.testing.assert_array_equal(layer.margin(np.float32([[1.0, 0.0]])), [[0.75, -0.25]])


@pytest.mark.parametrize("shape", [(0, 4), (4,), (2, 2, 2)])
def test_adapt_refuses_wrong_shapes(shape):
    with pytest.raises(ValueError, match=r"\[n, bits\]"):
        Binarize().adapt(np.zeros(shape))
