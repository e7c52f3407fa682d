"""The layers that add to the loss, against their formulas in NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.testing import run_layer_test
from zoo.layers import (
    AuxiliaryReconstruction,
    BernoulliKL,
    BitBalance,
    BitDecorrelation,
    CommitmentPenalty,
    DeadReconstruction,
    GaussianKL,
    KLSparsity,
    L1Penalty,
    PriorDiscrepancy,
)
from zoo.layers.prior_discrepancy import SCALES
from zoo.layers.schedules import linear

rng = np.random.default_rng(0)
P = rng.random((12, 5), "float32")
A, B = rng.normal(size=(2, 12, 5)).astype("float32")
HOLES = np.where(P < 0.3, np.nan, A).astype("float32")

# Layer, inputs, and the value of the penalty.
CASES = {
    "l1": (lambda w: L1Penalty(w), A, np.abs(A).sum(1).mean()),
    "l1-of-second": (lambda w: L1Penalty(w), [A, B], np.abs(B).sum(1).mean()),
    "kl-sparsity": (
        lambda w: KLSparsity(0.1, w),
        P,
        (0.1 * np.log(0.1 / P.mean(0)) + 0.9 * np.log(0.9 / (1 - P.mean(0)))).sum(),
    ),
    "bernoulli-kl": (
        lambda w: BernoulliKL(w, prior=0.3),
        P,
        (P * np.log(P / 0.3) + (1 - P) * np.log((1 - P) / 0.7)).sum(1).mean(),
    ),
    "gaussian-kl": (
        lambda w: GaussianKL(w),
        [A, B],
        (A**2 + np.exp(B) - 1 - B).sum(1).mean() / 2,
    ),
    "free-bits": (
        lambda w: GaussianKL(w, free_nats=1.0),
        [A, B],
        np.maximum((A**2 + np.exp(B) - 1 - B).mean(0) / 2, 1.0).sum(),
    ),
    "balance": (lambda w: BitBalance(w), P, ((2 * P.mean(0) - 1) ** 2).mean()),
    "decorrelation": (
        lambda w: BitDecorrelation(w),
        P,
        (np.cov(2 * P, rowvar=False, bias=True)[~np.eye(5, dtype=bool)] ** 2).mean(),
    ),
    "commitment": (lambda w: CommitmentPenalty(w), [A, B], ((A - B) ** 2).sum(1).mean()),
    "auxiliary": (
        lambda w: AuxiliaryReconstruction("gaussian", w),
        [P, A, B],
        ((A - B) ** 2).mean(),
    ),
    "auxiliary-missing": (
        lambda w: AuxiliaryReconstruction("gaussian", w, missing_values=True),
        [P, HOLES, B],
        np.nanmean((HOLES - B) ** 2, axis=1).mean(),
    ),
    "auxiliary-relevance": (
        lambda w: AuxiliaryReconstruction("gaussian", w),
        [P, A, B, P[:, 0]],
        (((A - B) ** 2).mean(1) * P[:, 0]).mean(),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_penalty(name):
    make, inputs, expected = CASES[name]
    layer = make(0.5)
    outputs = layer(inputs)
    first = inputs[0] if isinstance(inputs, list) else inputs
    np.testing.assert_array_equal(outputs, first)
    assert len(layer.losses) == 1
    assert float(layer.losses[0]) == pytest.approx(0.5 * expected, rel=1e-4)
    # The same examples twice are worth the same: the batch size does not matter.
    twice = keras.tree.map_structure(lambda x: np.concatenate([x, x]), inputs)
    doubled = make(0.5)
    doubled(twice)
    assert float(doubled.losses[0]) == pytest.approx(float(layer.losses[0]), rel=1e-5)
    run_layer_test(make(0.5), inputs, first.shape[1:])
    run_layer_test(make(linear(0, 1, 10)), inputs, first.shape[1:], non_trainable_weights=1)


def test_the_metric_is_the_penalty_without_weight_or_bound():
    layer = GaussianKL(0.1, free_nats=100.0, name="paid")
    layer([A, B])
    assert layer.metrics[0].name == "paid"
    expected = CASES["gaussian-kl"][2]
    assert float(layer.metrics[0].result()) == pytest.approx(expected, rel=1e-4)


def test_free_bits_stop_the_gradient_of_units_below_the_bound():
    mean = tf.Variable([[0.1, 3.0], [-0.1, 3.0]])
    layer = GaussianKL(1.0, free_nats=0.5)
    with tf.GradientTape() as tape:
        layer([mean, tf.zeros((2, 2))])
        loss = layer.losses[0]
    np.testing.assert_allclose(tape.gradient(loss, mean), [[0, 1.5], [0, 1.5]], atol=1e-6)


def test_a_weight_follows_its_schedule_in_training_alone():
    layer = L1Penalty(linear(0, 1, 4))
    factors = []
    for training in (True, True, False, True, True, True, True):
        layer(np.ones((2, 1), "float32"), training=training)
        factors.append(float(layer.losses[-1]))
        layer._clear_losses()
    assert factors == [0, 0.25, 0.5, 0.5, 0.75, 1, 1]


def test_kl_sparsity_with_a_moving_mean():
    layer = KLSparsity(0.2, 1.0, momentum=0.9)
    x = tf.Variable(P)
    with tf.GradientTape() as tape:
        layer(x, training=True)
        loss = layer.losses[0]
    moving = 0.9 * 0.2 + 0.1 * P.mean(0)
    np.testing.assert_allclose(layer.moving_mean, moving, rtol=1e-5)
    divergence = 0.2 * np.log(0.2 / moving) + 0.8 * np.log(0.8 / (1 - moving))
    assert float(loss) == pytest.approx(divergence.sum(), rel=1e-4)
    slope = (-0.2 / moving + 0.8 / (1 - moving)) / len(P)
    np.testing.assert_allclose(tape.gradient(loss, x), np.tile(slope, (12, 1)), rtol=1e-3)


def test_commitment_moves_the_vectors_alone():
    vectors, quantized = tf.Variable(A), tf.Variable(B)
    layer = CommitmentPenalty(1.0)
    with tf.GradientTape() as tape:
        layer([quantized, vectors])
        loss = layer.losses[0]
    gradients = tape.gradient(loss, [quantized, vectors])
    assert gradients[0] is None
    np.testing.assert_allclose(gradients[1], 2 * (A - B) / 12, rtol=1e-4)


def brute_force(a, b, stddev):
    def kernel(x, y):
        scale = 2 * len(x) * stddev**2
        return sum(s * scale / (s * scale + np.sum((x - y) ** 2)) for s in SCALES)

    n = len(a)
    own = sum(kernel(s[i], s[j]) for s in (a, b) for i in range(n) for j in range(n) if i != j)
    return own / (n * (n - 1)) - 2 * sum(kernel(x, y) for x in a for y in b) / n**2


def test_discrepancy_against_brute_force():
    layer = PriorDiscrepancy(2.0, stddev=1.5, seed=0)
    expected = brute_force(A.astype("float64"), B.astype("float64"), 1.5)
    assert float(layer.discrepancy(A, B)) == pytest.approx(expected, rel=1e-3, abs=1e-5)
    run_layer_test(PriorDiscrepancy(2.0), A, (5,))


def test_discrepancy_is_unbiased_and_sees_what_is_not_normal():
    rng = np.random.default_rng(1)
    normal = {}
    for n in (4, 32):
        layer = PriorDiscrepancy(1.0, seed=1)
        values = []
        for _ in range(60):
            layer(rng.normal(size=(n, 3)).astype("float32"), training=True)
            values.append(float(layer.losses[-1]))
            layer._clear_losses()
        normal[n] = np.mean(values), np.std(values) / np.sqrt(60)
    for mean, error in normal.values():
        assert abs(mean) < 4 * error
    far = PriorDiscrepancy(1.0)
    far(np.full((32, 3), 2.0, "float32"))
    assert float(far.losses[0]) > 0.5
    one = PriorDiscrepancy(1.0)
    one(np.ones((1, 3), "float32"))
    assert float(one.losses[0]) == 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: L1Penalty(-1), "weight=-1"),
        (lambda: L1Penalty("much"), "weight='much'"),
        (lambda: KLSparsity(0, 1), "target=0"),
        (lambda: KLSparsity(0.1, 1, momentum=1), "momentum=1"),
        (lambda: BernoulliKL(1, prior=1), "prior=1"),
        (lambda: GaussianKL(1, free_nats=-1), "free_nats=-1"),
        (lambda: PriorDiscrepancy(1, stddev=0), "stddev=0"),
        (lambda: AuxiliaryReconstruction("poisson"), "likelihood='poisson'"),
        (lambda: DeadReconstruction(0, "gaussian"), "k=0"),
        (lambda: linear(0, 1, 0), "must be a positive integer"),
    ],
)
def test_wrong_arguments_get_one_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()
