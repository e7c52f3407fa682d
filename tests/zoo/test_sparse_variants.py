"""What the sparse dictionaries promise as whole models."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.layers import DeadReconstruction, DeadUnits, unit_norm_decoder

rng = np.random.default_rng(0)
# Sums of 3 of 16 directions.
ATOMS = rng.normal(size=(16, 8)).astype("float32")
X = (np.argsort(rng.random((256, 16)), axis=1) < 3) @ ATOMS


def make(name, code_dim=16, **options):
    keras.utils.set_random_seed(0)
    return zoo.create(name, (8,), code_dim, likelihood="gaussian", hidden=(), **options)


def fit(ae, epochs=2, **how):
    # A few steps of a small model take less time than tracing one.
    how_run = {"run_eagerly": True} if epochs < 5 else {"jit_compile": False}
    ae.compile(optimizer=keras.optimizers.Adam(0.01), **how_run)
    return ae.fit(X, batch_size=64, epochs=epochs, verbose=0, **how).history


def test_codes_of_k_sparse_have_exactly_alpha_k_units():
    ae = make("k-sparse", k=3, alpha=2.0, training_steps=8)
    fit(ae)
    assert (np.count_nonzero(ae.encoder(X), axis=1) == 6).all()
    graph = keras.Model(ae.input, ae.get_layer("k_sparse").output)
    assert (np.count_nonzero(graph(X), axis=1) == 3).all()


def test_codes_of_top_k_have_at_most_k_units_and_batch_top_k_about_k():
    ae = make("top-k", k=3)
    history = fit(ae)
    assert (np.count_nonzero(ae.encoder(X), axis=1) <= 3).all()
    assert history["active_units"][-1] <= 3
    ae = make("batch-top-k", k=3, momentum=0.5)
    history = fit(ae, epochs=20)
    assert history["active_units"][-1] == pytest.approx(3)
    assert np.count_nonzero(ae.encoder(X)) / len(X) == pytest.approx(3, rel=0.15)


@pytest.mark.parametrize("name", ["sparse-l1", "top-k"])
def test_decoder_rows_stay_at_length_1_through_training_and_loading(name, tmp_path):
    ae = make(name)
    for model in (ae, None):
        if model is None:
            ae.save(tmp_path / "model.keras")
            model = zoo.load(tmp_path)
        fit(model, epochs=1)
        kernel = np.asarray(model.get_layer("decoder_output").kernel)
        np.testing.assert_allclose(np.linalg.norm(kernel, axis=1), 1, rtol=1e-5)
    free = make(name, unit_norm=False)
    fit(free, epochs=1)
    norms = np.linalg.norm(free.get_layer("decoder_output").kernel, axis=1)
    assert np.abs(norms - 1).max() > 0.01


def test_a_decoder_that_begins_otherwise_cannot_be_constrained():
    code = keras.Input((4,))
    decoder = keras.Model(code, keras.layers.Conv1D(3, 1)(keras.layers.Reshape((2, 2))(code)))
    with pytest.raises(ValueError, match="unit_norm=False"):
        unit_norm_decoder(decoder)


def test_auxiliary_loss_reaches_dead_units_alone():
    ae = make("top-k", k=2, dead_after=1, auxiliary_weight=1.0)
    tracker = ae.get_layer("dead_units")
    dead = np.arange(16) % 4 == 0
    tracker.idle.assign(dead * 5)
    ae.get_layer("pre_activation").bias.assign(np.where(dead, -0.5, 0.5))
    with tf.GradientTape() as tape:
        ae(X)
        loss = sum(ae.losses)
    gradient = tape.gradient(loss, ae.get_layer("pre_activation").kernel.value)
    moved = np.abs(np.asarray(gradient)).max(axis=0) > 0
    assert not moved[~dead].any()
    assert moved[dead].any()
    # Its value is the error of those examples that dead units join.
    activations = np.maximum(ae.get_layer("pre_activation")(X), 0)
    joint = np.asarray(ae.encoder(X)) + activations * dead
    errors = ((np.asarray(ae.decoder(joint)) - X) ** 2).mean(axis=1)
    relevant = (activations[:, dead] > 0).any(axis=1)
    assert float(loss) == pytest.approx((errors * relevant).mean(), rel=1e-5)
    tracker.idle.assign(np.zeros(16))
    ae(X)
    assert float(sum(ae.losses)) == 0


def test_xla_compiles_dead_units_of_a_recurrent_decoder():
    code, target = keras.Input((3,)), keras.Input((4, 2))
    steps = keras.layers.RepeatVector(4)(code)
    decoded = keras.layers.SimpleRNN(2, return_sequences=True)(steps)
    joining = DeadReconstruction(2, "gaussian")
    joining([code, target, code, keras.Input(batch_shape=(3,)), decoded])
    decoder = keras.Model(code, decoded)
    rows = np.random.default_rng(0).random((5, 3), "float32")
    targets = np.zeros((5, 4, 2), "float32")

    @tf.function(jit_compile=True)
    def gradient(dead):
        with tf.GradientTape() as tape:
            joining([rows, targets, rows, dead, decoder(rows)])
            loss = sum(joining.losses)
        return loss, tape.gradient(loss, decoder.trainable_variables)

    loss, slopes = gradient(tf.ones(3))
    assert loss > 0
    assert all(np.abs(slope).max() > 0 for slope in slopes)
    loss, slopes = gradient(tf.zeros(3))
    assert loss == 0
    assert all(np.abs(slope).max() == 0 for slope in slopes)


def test_gates_learn_without_the_decoder():
    ae = make("gated", weight=0.0)
    decoder = ae.get_layer("decoder_output").kernel.value
    gates = ae.get_layer("pre_activation").gate_bias.value
    with tf.GradientTape(persistent=True) as tape:
        ae(X)
        loss = sum(ae.losses)
    assert tape.gradient(loss, decoder) is None
    assert np.abs(tape.gradient(loss, gates)).max() > 1e-3
    # Its value is the error of decoding the rectified gates.
    gate = np.maximum(ae.get_layer("pre_activation")(X)[1], 0)
    expected = np.mean((np.asarray(ae.decoder(gate)) - X) ** 2)
    assert float(loss) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", ["top-k", "gated", "jump-relu"])
def test_resampling_gives_dead_units_a_new_start(name):
    options = {"auxiliary_weight": 0} if name == "top-k" else {}
    ae = make(name, dead_after=2, resample_every=3, **options)
    encoder, decoder = ae.get_layer("pre_activation"), ae.get_layer("decoder_output")
    biases = [getattr(encoder, n) for n in ("bias", "gate_bias") if hasattr(encoder, n)]
    for bias in biases:
        bias.assign(np.where(np.arange(16) < 6, -1e3, 0.0))
    if name == "jump-relu":
        ae.get_layer("code").log_threshold.assign(np.full(16, 0.5))
    before = np.asarray(encoder.kernel)
    # No steps of the optimizer's own, so that what resampling wrote is seen.
    ae.compile(
        optimizer=keras.optimizers.SGD(0.0), jit_compile=name == "gated", steps_per_execution=2
    )
    ae.fit(X, batch_size=64, epochs=1, verbose=0)
    np.testing.assert_array_equal(np.asarray(biases[0])[:6], 0)
    rows = np.asarray(decoder.kernel)[:6]
    cosine = (X / np.linalg.norm(X, axis=1, keepdims=True)) @ rows.T
    np.testing.assert_allclose(cosine.max(axis=0), 1, atol=1e-5)
    kernel = np.asarray(encoder.kernel)
    alive = np.asarray(ae.get_layer("dead_units").idle) < 2
    assert alive[:6].all()
    lengths = np.linalg.norm(kernel[:, :6], axis=0)
    np.testing.assert_allclose(lengths, lengths[0], rtol=1e-4)
    np.testing.assert_array_equal(kernel[:, 12:], before[:, 12:])
    if name == "jump-relu":
        np.testing.assert_allclose(ae.get_layer("code").threshold[:6], 0.1, rtol=1e-5)


@pytest.mark.parametrize("policy", ["float16", "float64"])
def test_resampling_and_weight_decay_take_weights_of_any_type(policy):
    keras.config.set_dtype_policy(policy)
    try:
        ae = make("gated", dead_after=2, resample_every=3, weight_decay=1e-4)
    finally:
        keras.config.set_dtype_policy("float32")
    ae.get_layer("pre_activation").gate_bias.assign(np.where(np.arange(16) < 6, -1e3, 0.0))
    ae.compile(optimizer=keras.optimizers.SGD(0.0), jit_compile=False)
    ae.fit(X[:192], batch_size=64, verbose=0)
    np.testing.assert_array_equal(ae.get_layer("pre_activation").gate_bias[:6], 0)


def test_resampling_forgets_the_optimizers_memory_and_chooses_by_error():
    ae = make("top-k", k=10, dead_after=2, resample_every=3, auxiliary_weight=0)
    ae.get_layer("pre_activation").bias.assign(np.where(np.arange(16) < 6, -1e3, 0.0))
    x = np.concatenate([X[:1] * 100, X[1:64] * 0.01]).astype("float32")
    ae.compile(optimizer=keras.optimizers.Adam(1e-6), run_eagerly=True)
    for _ in range(2):
        ae.train_on_batch(x)
    kernel = ae.get_layer("decoder_output").kernel
    path = kernel.path.replace("/", "_")
    slots = [v for v in ae.optimizer.variables if v.name.startswith(path) and v.ndim == 2]
    assert len(slots) == 2
    for slot in slots:
        slot.assign(np.ones(slot.shape))
    ae.train_on_batch(x)
    for slot in slots:
        np.testing.assert_array_equal(np.asarray(slot)[:6], 0)
        assert (np.asarray(slot)[6:] != 0).all()
    # The one example with nearly all of the error.
    direction = x[0] / np.linalg.norm(x[0])
    np.testing.assert_allclose(np.asarray(kernel)[:6], [direction] * 6, atol=1e-5)


def test_resampling_goes_on_after_a_round_trip_as_if_there_were_none(tmp_path):
    def train(ae, steps):
        for i in range(steps):
            ae.train_on_batch(X[32 * i : 32 * i + 32])

    def fresh():
        ae = make("jump-relu", dead_after=1, resample_every=3, threshold=4.0)
        ae.compile(optimizer=keras.optimizers.Adam(0.01), run_eagerly=True)
        return ae

    ae = fresh()
    train(ae, 2)
    ae.save(tmp_path / "model.keras")
    loaded = zoo.load(tmp_path)
    for model in (ae, loaded):
        train(model, 3)
    for weight, expected in zip(loaded.weights, ae.weights, strict=True):
        np.testing.assert_array_equal(weight, expected, err_msg=weight.path)


def test_resampling_ends_with_the_first_half_of_the_training():
    tracker = make("gated", resample_every=10, training_steps=100).get_layer("dead_units")
    assert (tracker.resample_every, tracker.resample_until) == (10, 50)
    with pytest.raises(ValueError, match="resample_every=-1"):
        make("gated", resample_every=-1)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("k-sparse", {"k": 20}, "`k` must be between 1 and code_dim=16"),
        ("k-sparse", {"k": 8, "alpha": 3.0}, "number of units, 16"),
        ("vector-quantized", {"groups": 3}, "groups=3"),
        ("variational", {"annealing": -1}, "annealing=-1"),
        (
            "variational",
            {"annealing": 1, "training_steps": 0},
            "must be a positive integer. Received: training_steps=0",
        ),
        (
            "k-sparse",
            {"training_steps": 0},
            "must be a positive integer. Received: training_steps=0",
        ),
        ("winner-take-all", {"rate": 2}, "rate=2"),
    ],
)
def test_wrong_options_get_one_sentence(name, options, message):
    with pytest.raises(ValueError, match=message):
        make(name, **options)


def test_units_of_every_dictionary_are_tracked():
    for name in ("top-k", "batch-top-k", "gated", "jump-relu"):
        assert [layer for layer in make(name).layers if isinstance(layer, DeadUnits)]
