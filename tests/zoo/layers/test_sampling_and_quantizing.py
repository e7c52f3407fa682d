"""The layers that draw or round, and the codebook."""

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.testing import run_layer_test
from zoo.layers import (
    FiniteScalarQuantizer,
    GaussianSampling,
    Perplexity,
    StochasticBinary,
    VectorQuantizer,
)

rng = np.random.default_rng(0)
P = rng.random((12, 6), "float32")
A, B = rng.normal(size=(2, 12, 6)).astype("float32")


def gradient_of_sum(layer, x):
    x = tf.Variable(x)
    with tf.GradientTape() as tape:
        outputs = layer(x, training=True)
        total = tf.reduce_sum(outputs[0] if isinstance(outputs, tuple) else outputs)
    return tape.gradient(total, x)


def test_layers():
    run_layer_test(StochasticBinary(1), P, (6,))
    run_layer_test(GaussianSampling(1), [A, B], (6,))
    run_layer_test(FiniteScalarQuantizer(4), A, (6,))
    run_layer_test(FiniteScalarQuantizer([2, 3, 4, 5, 6, 7]), A, (6,))
    run_layer_test(VectorQuantizer(5, 2), A, [(6,), (2,)], non_trainable_weights=2)
    maps = A.reshape(3, 2, 2, 6)
    run_layer_test(VectorQuantizer(5, 3), maps, [(2, 2, 6), (2, 2, 3)], non_trainable_weights=2)


def test_bits_are_drawn_with_their_probabilities_and_straight_through():
    layer = StochasticBinary(seed=0)
    p = np.tile(np.float32([0.1, 0.5, 0.9]), (4000, 1))
    bits = np.asarray(layer(p, training=True))
    assert set(np.unique(bits)) == {0, 1}
    np.testing.assert_allclose(bits.mean(0), [0.1, 0.5, 0.9], atol=0.04)
    np.testing.assert_array_equal(layer(P), P > 0.5)
    np.testing.assert_array_equal(gradient_of_sum(layer, P), np.ones_like(P))


def test_gaussian_sampling_draws_what_it_is_told():
    layer = GaussianSampling(seed=0)
    mean, log_variance = np.full((2, 4000, 1), np.log(4), "float32")
    drawn = np.asarray(layer([mean, log_variance], training=True))
    assert drawn.mean() == pytest.approx(np.log(4), abs=0.15)
    assert drawn.std() == pytest.approx(2, rel=0.05)
    np.testing.assert_array_equal(layer([mean, log_variance]), mean)


@pytest.mark.parametrize("levels", [2, 3, 4, 5, 8])
def test_a_unit_takes_exactly_its_levels(levels):
    x = np.linspace(-12, 12, 5001, dtype="float32")[:, None]
    values = np.asarray(FiniteScalarQuantizer(levels)(x)).ravel()
    half = levels // 2
    np.testing.assert_allclose(
        np.unique(values), (np.arange(levels) - half) / half, rtol=1e-6, atol=1e-7
    )
    assert (np.diff(values) >= 0).all()
    assert FiniteScalarQuantizer(levels)(np.zeros((1, 1), "float32"))[0, 0] == 0


def test_rounding_passes_the_gradient_of_the_bound():
    levels, x = 5, A
    half = (levels - 1) * 1.001 / 2
    expected = half * (1 - np.tanh(x) ** 2) / (levels // 2)
    got = gradient_of_sum(lambda x, training: FiniteScalarQuantizer(levels)(x), x)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-6)


def nearest(vectors, codebook):
    return np.argmin(((vectors[:, None] - codebook[None]) ** 2).sum(-1), axis=1)


def test_codebook_is_the_moving_mean_of_what_is_assigned_to_it():
    layer = VectorQuantizer(codes=4, groups=2, momentum=0.9, restart_below=0, seed=0)
    layer.build((None, 6))
    counts = np.ones((2, 4))
    sums = np.asarray(layer.sums, "float64")
    for seed in range(5):
        x = np.random.default_rng(seed).normal(size=(16, 6)).astype("float32")
        codebook = sums / counts[..., None]
        quantized, indices = layer(x, training=True)
        for g, part in enumerate(np.split(x, 2, axis=1)):
            chosen = nearest(part, codebook[g])
            np.testing.assert_array_equal(np.asarray(indices)[:, g], chosen)
            np.testing.assert_allclose(
                np.asarray(quantized)[:, 3 * g : 3 * g + 3], codebook[g][chosen], rtol=1e-4
            )
            for j in range(4):
                mine = part[chosen == j]
                counts[g, j] = 0.9 * counts[g, j] + 0.1 * len(mine)
                sums[g, j] = 0.9 * sums[g, j] + 0.1 * mine.sum(0)
        np.testing.assert_allclose(layer.counts, counts, rtol=1e-4)
        np.testing.assert_allclose(layer.sums, sums, rtol=1e-3, atol=1e-5)
    before = np.asarray(layer.codebook)
    layer(x)  # nothing is learnt outside training
    np.testing.assert_array_equal(layer.codebook, before)


def test_dead_codes_start_again_at_rows_of_the_batch():
    layer = VectorQuantizer(codes=6, momentum=0.5, restart_below=0.1)
    layer.build((None, 2))
    far = np.full((1, 6, 2), 1e3, "float32")
    far[0, 0] = 0
    layer.sums.assign(far)
    x = np.random.default_rng(0).normal(size=(20, 2)).astype("float32")
    for _ in range(6):
        layer(x, training=True)
    codebook = np.asarray(layer.codebook)[0]
    assert (np.abs(codebook) < 10).all()
    assert len(np.unique(layer(x)[1])) > 3


def test_restarted_codes_are_the_first_rows():
    layer = VectorQuantizer(codes=3, momentum=0.0, restart_below=0.5)
    layer.build((None, 2))
    layer.sums.assign([[[0, 0], [99, 99], [-99, 99]]])
    x = np.float32([[1, 0], [0, 1], [-1, 0], [0, -1]])
    layer(x, training=True)
    np.testing.assert_allclose(layer.codebook[0], [[0, 0], [1, 0], [0, 1]], atol=1e-6)
    np.testing.assert_allclose(layer.counts[0], [4, 4 / 3, 4 / 3], rtol=1e-6)


def test_quantizing_is_straight_through():
    np.testing.assert_array_equal(gradient_of_sum(VectorQuantizer(3), A), np.ones_like(A))


def test_perplexity_counts_codes_in_effective_use():
    metric = Perplexity(groups=2, codes=4)
    assert float(metric.result()) == 1
    metric.update_state(np.float32([[5, 5, 0, 0], [2, 2, 2, 2]]))
    assert float(metric.result()) == pytest.approx((2 + 4) / 2)
    metric.update_state(np.float32([[0, 0, 5, 5], [0, 0, 0, 0]]))
    assert float(metric.result()) == pytest.approx(4)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FiniteScalarQuantizer(1), "levels=1"),
        (lambda: FiniteScalarQuantizer([3, 3])(A), "each of the 6 units"),
        (lambda: VectorQuantizer(codes=0), "codes=0"),
        (lambda: VectorQuantizer(groups=4)(A), "units, 6"),
        (lambda: VectorQuantizer(momentum=1), "momentum=1"),
    ],
)
def test_wrong_arguments_get_one_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()
