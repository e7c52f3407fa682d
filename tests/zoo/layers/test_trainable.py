import keras
import numpy as np
import pytest

import zoo
from zoo.layers import (
    BatchTopK,
    DeadUnits,
    KLSparsity,
    LifetimeSparsity,
    MeanOnlyBatchNormalization,
    VectorQuantizer,
)

X = np.random.default_rng(0).random((16, 8), "float32")


@pytest.mark.parametrize(
    "layer",
    [
        MeanOnlyBatchNormalization(),
        VectorQuantizer(4),
        BatchTopK(2),
        LifetimeSparsity(0.1),
        KLSparsity(0.1, 1.0, momentum=0.5),
        DeadUnits(5, resample_every=2),
    ],
    ids=lambda layer: layer.name,
)
def test_a_layer_that_is_not_trainable_runs_as_in_inference(layer):
    layer.build(X.shape)
    before = layer.get_weights()
    layer.trainable = False
    frozen, inference = layer(X, training=True), layer(X, training=False)
    keras.tree.map_structure(np.testing.assert_array_equal, frozen, inference)
    keras.tree.map_structure(np.testing.assert_array_equal, before, layer.get_weights())
    layer.trainable = True
    layer(X, training=True)
    assert any(not np.array_equal(b, w) for b, w in zip(before, layer.get_weights(), strict=True))


def test_a_frozen_encoder_stays_as_it_is():
    ae = zoo.create("top-k", (8,), 32, dead_after=1, resample_every=1)
    ae.encoder.trainable = False
    ae.compile(optimizer="adam")
    before = ae.encoder.get_weights()
    ae.fit(X, epochs=3, verbose=0)
    keras.tree.map_structure(np.testing.assert_array_equal, before, ae.encoder.get_weights())
