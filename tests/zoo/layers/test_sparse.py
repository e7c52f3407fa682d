"""The layers that keep few units active."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.testing import run_layer_test
from zoo.layers import (
    BatchTopK,
    DeadUnits,
    GatedDense,
    JumpReLU,
    LifetimeSparsity,
    SpatialSparsity,
    TopK,
)
from zoo.layers.schedules import linear

X = np.random.default_rng(0).normal(size=(20, 10)).astype("float32")
RELU = np.maximum(X, 0)


def test_layers():
    run_layer_test(TopK(3), X, (10,))
    run_layer_test(TopK(3, linear(8, 3, 5)), X, (10,), non_trainable_weights=1)
    run_layer_test(LifetimeSparsity(0.2), X, (10,), non_trainable_weights=1)
    run_layer_test(SpatialSparsity(), X.reshape(4, 5, 5, 2), (5, 5, 2))
    run_layer_test(BatchTopK(3), RELU, (10,), non_trainable_weights=1)
    run_layer_test(GatedDense(6), X, [(6,), (6,)], trainable_weights=4)
    run_layer_test(JumpReLU(), X, [(10,), (10,)], trainable_weights=1)


def test_top_k_keeps_exactly_k_and_passes_the_gradient_through_them():
    x = tf.Variable(X)
    with tf.GradientTape() as tape:
        kept = TopK(4)(x)
        total = tf.reduce_sum(kept * 2)
    mask = np.argsort(np.argsort(-X, axis=1), axis=1) < 4
    np.testing.assert_array_equal(kept, X * mask)
    np.testing.assert_array_equal(tape.gradient(total, x), 2.0 * mask)


def test_top_k_anneals_in_training_and_stays_at_k_outside():
    layer = TopK(2, linear(8, 2, 3))
    active = [int(np.count_nonzero(layer(X, training=True)[0])) for _ in range(6)]
    assert active == [8, 6, 4, 2, 2, 2]
    assert (np.count_nonzero(layer(X), axis=1) == 2).all()


def test_lifetime_sparsity_keeps_the_top_share_of_each_unit():
    kept = np.asarray(LifetimeSparsity(0.15)(X, training=True))
    mask = np.argsort(np.argsort(-X, axis=0), axis=0) < 3
    np.testing.assert_array_equal(kept, X * mask)
    assert (np.count_nonzero(LifetimeSparsity(0.001)(X, training=True), axis=0) == 1).all()


def test_lifetime_sparsity_outside_training_keeps_what_would_have_won():
    layer = LifetimeSparsity(0.15, momentum=0.75)
    np.testing.assert_array_equal(layer(np.maximum(X, 0)), np.maximum(X, 0))  # not yet trained
    thresholds = None
    for seed in range(3):
        x = np.random.default_rng(seed).random((20, 10), "float32")
        layer(x, training=True)
        third = np.sort(x, axis=0)[-3]
        thresholds = third if thresholds is None else 0.75 * thresholds + 0.25 * third
    np.testing.assert_allclose(layer.threshold, thresholds, rtol=1e-6)
    np.testing.assert_array_equal(layer(x), x * (x > thresholds))
    maps = np.stack([x, x / 2], axis=1)  # a map is kept or lost as a whole
    np.testing.assert_array_equal(layer(maps), maps * (x > thresholds)[:, None])


def test_maps_keep_their_peak_and_the_highest_peaks_their_map():
    maps = np.random.default_rng(1).random((8, 4, 3, 5), "float32")
    peaks = np.asarray(SpatialSparsity()(maps))
    np.testing.assert_array_equal(peaks, maps * (maps == maps.max((1, 2), keepdims=True)))
    winners = np.asarray(LifetimeSparsity(0.25)(peaks, training=True))
    assert (np.count_nonzero(winners, axis=(0, 1, 2)) == 2).all()
    strongest = np.sort(peaks.max((1, 2)), axis=0)[-2:]
    np.testing.assert_array_equal(np.sort(winners.max((1, 2)), axis=0)[-2:], strongest)


def test_batch_top_k_against_numpy():
    layer = BatchTopK(2, momentum=0.75)
    threshold = None
    for seed in range(3):
        x = np.maximum(np.random.default_rng(seed).normal(size=(20, 10)), 0).astype("float32")
        bound = np.sort(x.ravel())[-40]
        np.testing.assert_array_equal(layer(x, training=True), x * (x >= bound))
        threshold = bound if threshold is None else 0.75 * threshold + 0.25 * bound
    assert float(layer.threshold) == pytest.approx(threshold, rel=1e-6)
    # Outside training an example does not depend on its batch.
    np.testing.assert_array_equal(layer(x), x * (x > threshold))
    np.testing.assert_array_equal(layer(x[:1]), layer(x)[:1])


def test_batch_top_k_with_fewer_positive_than_asked():
    layer = BatchTopK(5)
    x = np.zeros((4, 10), "float32")
    np.testing.assert_array_equal(layer(x, training=True), x)
    assert float(layer.threshold) == -1
    x[0, 0] = 2.0
    np.testing.assert_array_equal(layer(x, training=True), x)
    assert float(layer.threshold) == 2


def test_gated_dense_against_numpy():
    layer = GatedDense(4)
    layer.build((None, 10))
    rng = np.random.default_rng(3)
    layer.set_weights([rng.normal(size=w.shape) for w in layer.weights])
    kernel, gate_bias, bias, log_scale = (np.asarray(w) for w in layer.weights)
    code, gate = layer(X)
    np.testing.assert_allclose(gate, X @ kernel + gate_bias, rtol=1e-4, atol=1e-5)
    magnitude = np.maximum(np.exp(log_scale) * (X @ kernel) + bias, 0)
    np.testing.assert_allclose(code, magnitude * (np.asarray(gate) > 0), rtol=1e-4, atol=1e-5)


def test_jump_relu_gradients_are_those_of_the_paper():
    threshold, width = 0.3, 0.4
    layer = JumpReLU(threshold, width)
    x = tf.Variable(X)
    upstream = np.random.default_rng(1).normal(size=X.shape).astype("float32")
    with tf.GradientTape(persistent=True) as tape:
        code, active = layer(x)
        of_code = tf.reduce_sum(code * upstream)
        of_count = tf.reduce_sum(active * upstream)
    np.testing.assert_allclose(code, X * (threshold < X), atol=1e-6)
    np.testing.assert_array_equal(active, (threshold < X).astype("float32"))
    inside = (np.abs(X - threshold) < width / 2).astype("float32")
    # With respect to the logarithm of the threshold: its derivative is the threshold.
    weight = layer.log_threshold.value
    expected = (-threshold / width * inside * upstream).sum(axis=0) * threshold
    np.testing.assert_allclose(tape.gradient(of_code, weight), expected, rtol=1e-4, atol=1e-6)
    expected = (-1 / width * inside * upstream).sum(axis=0) * threshold
    np.testing.assert_allclose(tape.gradient(of_count, weight), expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(tape.gradient(of_code, x), upstream * (threshold < X))
    gradient = tape.gradient(of_count, x)
    assert gradient is None or not np.any(gradient)


def test_dead_units_counts_steps_without_activity():
    layer = DeadUnits(patience=2)
    x = np.ones((3, 4), "float32")
    x[:, 1] = 0
    x[1:, 2] = 0
    for expected in ([0, 0, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0]):
        passed, dead = layer(x, training=True)
        np.testing.assert_array_equal(dead, expected)
        np.testing.assert_array_equal(passed, x)
    np.testing.assert_array_equal(layer.idle, [0, 3, 0, 0])
    layer(x)  # evaluation does not count
    np.testing.assert_array_equal(layer.idle, [0, 3, 0, 0])
    assert float(layer.active_units.result()) == pytest.approx((3 + 2 + 2) / 3)
    x[:, 1] = -1
    np.testing.assert_array_equal(layer(x, training=True)[1], [0, 0, 0, 0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TopK(0), "k=0"),
        (lambda: TopK(11)(X), "number of units, 10"),
        (lambda: TopK(2, "many"), "training_k"),
        (lambda: BatchTopK(1.5), "k=1.5"),
        (lambda: BatchTopK(2, momentum=1.0), "momentum=1.0"),
        (lambda: LifetimeSparsity(0), "rate=0"),
        (lambda: LifetimeSparsity(0.1, momentum=1), "momentum=1"),
        (lambda: SpatialSparsity()(X), "spatial axis"),
        (lambda: GatedDense(0), "units=0"),
        (lambda: JumpReLU(threshold=0), "threshold=0"),
        (lambda: DeadUnits(0), "patience=0"),
    ],
)
def test_wrong_arguments_get_one_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_schedules_round_trip_through_json():
    layer = TopK(2, keras.optimizers.schedules.PiecewiseConstantDecay([10], [8.0, 2.0]))
    layer.build((None, 10))
    assert int(layer.current_k()) == 8
    layer.step.assign(11)
    assert int(layer.current_k()) == 2
    twin = TopK.from_config(layer.get_config())
    assert twin.get_config() == layer.get_config()
