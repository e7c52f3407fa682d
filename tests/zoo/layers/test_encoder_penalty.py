"""The penalties on the Jacobian, against Jacobians by brute force."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.layers import HessianPenalty, JacobianPenalty


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).normal(size=(6, 5)).astype("float32")


def network(layers, penalty, shape=(5,)):
    inputs = keras.Input(shape, name="inputs")
    tensor = inputs
    for layer in layers:
        tensor = layer(tensor)
    return keras.Model(inputs, tensor), keras.Model(inputs, penalty([tensor, inputs]))


def shallow(activation="sigmoid", units=4):
    return [keras.layers.Flatten(), keras.layers.Dense(units, activation)]


def deep(units=4):
    return [keras.layers.Dense(7, "tanh"), keras.layers.Dense(units, "sigmoid")]


def brute_force(encoder, x):
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        code = encoder(x)
    return tape.batch_jacobian(code, x).numpy()


def loss_of(model, x, **kwargs):
    out = model(x, **kwargs)
    (loss,) = model.losses
    return float(loss), out


@pytest.mark.parametrize(
    ("layers", "method", "way"),
    [
        (shallow(), "auto", "closed-form"),
        (shallow("tanh"), "closed-form", "closed-form"),
        (shallow(), "exact", "reverse"),
        (deep(), "auto", "reverse"),
        (deep(units=9), "auto", "forward"),
        (deep(units=9), "exact", "forward"),
    ],
)
def test_exact_ways_equal_the_brute_force_jacobian(layers, method, way, x):
    penalty = JacobianPenalty(0.5, method=method)
    encoder, model = network(layers, penalty)
    assert penalty.way == way
    loss, out = loss_of(model, x)
    expected = np.mean(np.sum(brute_force(encoder, x) ** 2, axis=(1, 2)))
    assert loss == pytest.approx(0.5 * expected, rel=1e-4)
    assert float(penalty.metric.result()) == pytest.approx(expected, rel=1e-4)
    np.testing.assert_array_equal(out, encoder(x))


def test_convolutions_too():
    images = np.random.default_rng(1).random((3, 4, 4, 1)).astype("float32")
    layers = [keras.layers.Conv2D(2, 3), keras.layers.Flatten(), keras.layers.Dense(3)]
    penalty = JacobianPenalty(1.0, method="exact")
    encoder, model = network(layers, penalty, shape=(4, 4, 1))
    expected = np.sum(brute_force(encoder, images) ** 2) / 3
    assert loss_of(model, images)[0] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("probes", [1, 3])
def test_the_mean_of_the_estimate_is_the_exact_value(probes, x):
    penalty = JacobianPenalty(1.0, method="probe", probes=probes, seed=0)
    encoder, model = network(deep(), penalty)
    assert penalty.way == "probe"
    exact = np.sum(brute_force(encoder, x) ** 2, axis=(1, 2))
    draws = 4000
    many = tf.repeat(tf.constant(x), draws, axis=0)
    entries = penalty.jacobian(many, penalty.directions(many, seed=1)).numpy()
    estimates = np.sum(entries**2, axis=1).reshape(6, draws)
    error = estimates.std(axis=1) / np.sqrt(draws)
    assert (np.abs(estimates.mean(axis=1) - exact) < 4 * error).all()
    assert estimates.std() > 0
    # The layer's loss in training is the mean of such estimates, new ones at every call.
    assert loss_of(model, x, training=True)[0] != loss_of(model, x, training=True)[0]


@pytest.mark.parametrize("method", ["closed-form", "exact", "probe"])
def test_its_gradient_is_the_gradient_of_the_exact_norm(method, x):
    penalty = JacobianPenalty(1.0, method=method, probes=2000 if method == "probe" else 1, seed=0)
    encoder, model = network(shallow(), penalty)
    kernel = encoder.layers[-1].kernel

    def norm(values):
        h = tf.sigmoid(x @ values + encoder.layers[-1].bias)
        slopes = (h * (1 - h)) ** 2
        return tf.reduce_mean(tf.reduce_sum(slopes * tf.reduce_sum(values**2, axis=0), axis=1))

    value = tf.Variable(kernel.numpy())
    with tf.GradientTape() as tape:
        loss = norm(value)
    expected = tape.gradient(loss, value).numpy()
    with tf.GradientTape() as tape:
        model(x)
        loss = model.losses[0]
    gradient = tape.gradient(loss, kernel.value).numpy()
    np.testing.assert_allclose(gradient, expected, atol=0.02 if method == "probe" else 1e-5)


@pytest.mark.parametrize("method", ["closed-form", "exact"])
def test_hessian_penalty_equals_the_mean_change_of_the_jacobian(method, x):
    penalty = HessianPenalty(1.0, stddev=0.2, samples=3, method=method, seed=5)
    encoder, model = network(shallow(), penalty)
    noise = keras.random.normal((18, 5), seed=keras.random.SeedGenerator(5))
    here = np.repeat(brute_force(encoder, x), 3, axis=0)
    there = brute_force(encoder, np.repeat(x, 3, axis=0) + 0.2 * np.asarray(noise))
    expected = np.mean(np.sum((there - here) ** 2, axis=(1, 2)))
    assert loss_of(model, x, training=True)[0] == pytest.approx(expected, rel=1e-3)


def test_hessian_probes_agree_in_the_mean(x):
    layers = deep()
    exact, probe = (
        loss_of(network(layers, HessianPenalty(1.0, 0.5, 400, method, 30, seed=0))[1], x)[0]
        for method in ("exact", "probe")
    )
    assert probe == pytest.approx(exact, rel=0.1)


def test_evaluation_draws_nothing_new(x):
    _, model = network(deep(), HessianPenalty(1.0, method="probe"))
    assert loss_of(model, x)[0] == loss_of(model, x)[0]
    assert loss_of(model, x, training=True)[0] != loss_of(model, x, training=True)[0]


def test_for_small_noise_it_is_the_norm_of_the_hessian(x):
    penalty = HessianPenalty(1.0, stddev=0.01, samples=4000, seed=0)
    encoder, model = network(shallow("tanh"), penalty)
    kernel = encoder.layers[-1].kernel.numpy()
    h = encoder(x).numpy()
    second = (-2 * h * (1 - h**2)) ** 2  # of tanh
    norm = np.mean(np.sum(second * np.sum(kernel**2, axis=0) ** 2, axis=1))
    assert loss_of(model, x)[0] / 0.01**2 == pytest.approx(norm, rel=0.1)


def test_chained_penalties_see_the_same_encoder(x):
    inputs = keras.Input((5,), name="inputs")
    code = keras.layers.Dense(4, "sigmoid")(inputs)
    first, second = JacobianPenalty(1.0), HessianPenalty(1.0)
    model = keras.Model(inputs, second([first([code, inputs]), inputs]))
    assert first.way == second.way == "closed-form"
    model(x)
    assert len(model.losses) == 2


def test_the_penalty_does_not_depend_on_the_batch_size(x):
    _, model = network(deep(), JacobianPenalty(1.0))
    twice = loss_of(model, np.repeat(x, 2, axis=0))[0]
    assert twice == pytest.approx(loss_of(model, x)[0], rel=1e-5)


def test_it_owns_no_weights_and_survives_files(x, tmp_path):
    encoder, model = network(deep(), JacobianPenalty(0.3))
    assert len(model.weights) == len(encoder.weights)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loss_of(loaded, x)[0] == pytest.approx(loss_of(model, x)[0], rel=1e-6)
    # The loaded layer differentiates the loaded weights.
    for weight in loaded.weights:
        weight.assign(0 * weight)
    assert loss_of(loaded, x)[0] == pytest.approx(0, abs=1e-10)
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    assert loss_of(clone, x)[0] == pytest.approx(loss_of(model, x)[0], rel=1e-6)


def test_half_precision_is_close(x):
    layers = [keras.layers.Dense(4, "sigmoid", dtype="mixed_bfloat16")]
    encoder, model = network(layers, JacobianPenalty(1.0, method="exact"))
    expected = np.mean(np.sum(brute_force(encoder, x) ** 2, axis=(1, 2)))
    assert loss_of(model, x)[0] == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: JacobianPenalty(-1.0), "weight=-1.0"),
        (lambda: JacobianPenalty(1.0, method="loop"), "auto, closed-form, exact, probe"),
        (lambda: JacobianPenalty(1.0, probes=0), "probes=0"),
        (lambda: HessianPenalty(1.0, stddev=0), "stddev=0"),
        (lambda: HessianPenalty(1.0, samples=0), "samples=0"),
        (lambda: network(deep(), JacobianPenalty(1.0, method="closed-form")), "one Dense layer"),
        (lambda: JacobianPenalty(1.0)([np.ones((2, 3)), np.ones((2, 5))]), "functional model"),
        (
            lambda: JacobianPenalty(1.0)([keras.Input((3,)), keras.Input((5,))]),
            "must be computed from `x`",
        ),
    ],
)
def test_wrong_use_gets_one_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()
