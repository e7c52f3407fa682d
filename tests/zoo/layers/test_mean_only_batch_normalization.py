import numpy as np
import pytest

from tests.zoo.testing import run_layer_test
from zoo.layers import MeanOnlyBatchNormalization


@pytest.mark.parametrize("shape", [(5,), (3, 4, 5)])
def test_layer(shape):
    inputs = np.random.normal(size=(6, *shape)).astype("float32")
    run_layer_test(MeanOnlyBatchNormalization(), inputs, shape, non_trainable_weights=1)


def test_centres_a_batch_and_keeps_its_scale():
    inputs = np.random.default_rng(0).normal(3, 7, (64, 4)).astype("float32")
    outputs = np.asarray(MeanOnlyBatchNormalization()(inputs, training=True))
    np.testing.assert_allclose(outputs, inputs - inputs.mean(0), atol=1e-5)


def test_moving_mean_converges_to_the_data_and_serves_outside_training():
    rng = np.random.default_rng(0)
    layer = MeanOnlyBatchNormalization(momentum=0.9)
    for _ in range(200):
        layer(rng.normal(3, 1, (256, 2)).astype("float32"), training=True)
    np.testing.assert_allclose(layer.moving_mean, [3, 3], atol=0.1)
    inputs = np.float32([[5, 1]])
    np.testing.assert_allclose(layer(inputs), inputs - layer.moving_mean)


@pytest.mark.parametrize("momentum", [-0.1, 1.0])
def test_refuses_momentum_outside_the_interval(momentum):
    with pytest.raises(ValueError, match="Received: momentum"):
        MeanOnlyBatchNormalization(momentum)
