import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from tests.zoo.testing import run_layer_test, run_quick_variant_test, run_variant_test
from zoo import impute


@pytest.fixture(scope="module")
def full():
    base = np.random.default_rng(0).random((192, 2), "float32")
    return np.clip(np.hstack([base, 1 - base, base, base]), 0, 1)


@pytest.fixture(scope="module")
def x(full):
    holes = np.random.default_rng(1).random(full.shape) < 0.2
    return np.where(holes, np.nan, full).astype("float32")


def make(**options):
    how = {"input_shape": (8,), "code_dim": 4, "hidden": (16,), "likelihood": "gaussian"}
    return zoo.create("missing", **(how | options))


@pytest.mark.parametrize(
    ("options", "check"),
    [
        ({}, run_variant_test),
        ({"tied": True}, run_quick_variant_test),
        ({"corruption": "gaussian", "likelihood": "bernoulli"}, run_quick_variant_test),
    ],
)
def test_missing(options, check, x, tmp_path):
    ae = check(lambda: make(**options), x, tmp_path / "model.keras")
    assert not [v.path for v in ae.encoder.variables if "hide" in v.path or "corrupt" in v.path]
    assert np.isfinite(ae.encoder(x)).all()


def test_missing_values_in_images(tmp_path):
    images = np.random.default_rng(0).random((64, 6, 6, 1), "float32")
    images[:, :2] = np.nan
    ae = zoo.create("missing", (6, 6, 1), 4, backbone="conv", filters=(4,))
    ae.compile(optimizer="sgd", run_eagerly=True)
    assert np.isfinite(ae.fit(images, verbose=0).history["loss"]).all()


@pytest.mark.parametrize("features", [32, 33])
def test_the_first_layer_reads_a_wide_mask_through_a_narrow_one(features):
    x = np.random.default_rng(0).random((5, features), "float32")
    observed = (x > 0.3).astype("float32")
    ae = zoo.create("missing", (features,), 2, hidden=(16,))
    kernels = {v.path: v.numpy() for v in ae.encoder.weights if v.path.endswith("kernel")}
    mask_kernels = [kernels.pop(path) for path in list(kernels) if path.startswith("mask")]
    assert [k.shape for k in mask_kernels] == {32: [(32, 16)], 33: [(33, 32), (32, 16)]}[features]
    first, code = (kernels[name] for name in ("encoder_dense_0/kernel", "code/kernel"))
    of_mask = np.linalg.multi_dot([observed, *mask_kernels])
    expected = np.maximum((x * observed) @ first + of_mask, 0) @ code
    holes = np.where(observed, x, np.nan).astype("float32")
    np.testing.assert_allclose(ae.encoder(holes), expected, atol=1e-4)


def test_the_error_counts_observed_targets_only(x, full):
    ae = make(hide=0.0)
    ae.compile(optimizer=keras.optimizers.SGD(0.0), run_eagerly=True)
    reconstruction = ae.predict(x, verbose=0)
    errors = np.nanmean((x - reconstruction) ** 2, axis=1)
    np.testing.assert_allclose(ae.reconstruction_error(x, reconstruction), errors, rtol=1e-4)
    logs = ae.evaluate(x, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(errors.mean(), rel=1e-4)
    assert ae.train_on_batch(x, return_dict=True)["loss"] == pytest.approx(errors.mean(), rel=1e-4)
    # What the decoder says where nothing was observed changes nothing.
    other = np.where(np.isnan(x), 1e3, reconstruction).astype("float32")
    np.testing.assert_allclose(ae.reconstruction_error(x, other), errors, rtol=1e-4)
    nothing = np.full((1, 8), np.nan, "float32")
    np.testing.assert_array_equal(ae.reconstruction_error(nothing, reconstruction[:1]), [0])


def test_gradients_stay_finite_with_rows_of_nothing(x):
    rows = np.vstack([x[:31], np.full((1, 8), np.nan, "float32")])
    for likelihood in ("gaussian", "bernoulli"):
        ae = make(likelihood=likelihood)
        ae.compile(optimizer="sgd", run_eagerly=True)
        ae.fit(rows, verbose=0)
        assert all(np.isfinite(w).all() for w in ae.get_weights())


def test_imputation_keeps_what_was_observed_and_beats_the_mean(x, full):
    keras.utils.set_random_seed(0)
    ae = make()
    ae.compile(optimizer=keras.optimizers.Adam(0.01), steps_per_execution=300, jit_compile=False)
    data = tf.data.Dataset.from_tensor_slices(x).repeat().batch(64)
    ae.fit(data, steps_per_epoch=300, verbose=0)
    filled = impute(ae, x)
    holes = np.isnan(x)
    np.testing.assert_array_equal(filled[~holes], x[~holes])
    assert np.isfinite(filled).all()
    means = np.broadcast_to(np.nanmean(x, axis=0), x.shape)
    error, of_means = (np.mean((guess[holes] - full[holes]) ** 2) for guess in (filled, means))
    assert error < 0.4 * of_means


def test_an_explicit_mask_means_the_same_as_nan(x, full, tmp_path):
    observed = (~np.isnan(x)).astype("float32")
    data = {"inputs": full, "observed": observed}
    keras.utils.set_random_seed(0)
    plain = make()
    keras.utils.set_random_seed(0)
    masked = make(explicit_mask=True)
    masked.set_weights(plain.get_weights())
    np.testing.assert_allclose(masked.encoder(data), plain.encoder(x), atol=1e-6)
    masked.compile(optimizer="sgd", jit_compile=False)
    masked.fit(data, epochs=2, verbose=0)
    masked.save(tmp_path / "model.keras")
    loaded = zoo.load(tmp_path)
    np.testing.assert_array_equal(loaded.encoder(data), masked.encoder(data))
    filled = impute(loaded, data)
    np.testing.assert_array_equal(filled[observed == 1], full[observed == 1])


def test_layers():
    x = np.array([[1, np.nan, 3], [np.nan, np.nan, 2]], "float32")
    run_layer_test(zoo.layers.MissingIndicator(fill=-1.0), x, (6,))
    np.testing.assert_array_equal(
        zoo.layers.MissingIndicator(fill=-1.0)(x), [[1, -1, 3, 1, 0, 1], [-1, -1, 2, 0, 0, 1]]
    )
    ones = np.ones((400, 50), "float32")
    hidden = np.asarray(zoo.layers.HideObserved(0.25, seed=0)(ones, training=True))
    assert np.isnan(hidden).mean() == pytest.approx(0.25, abs=0.013)
    assert (hidden[~np.isnan(hidden)] == 1).all()
    values, mask = zoo.layers.MissingIndicator(return_mask=True)(x)
    np.testing.assert_array_equal(values, np.nan_to_num(x))
    np.testing.assert_array_equal(mask, ~np.isnan(x))
    np.testing.assert_array_equal(
        zoo.layers.MaskMissing()([x, np.array([[0, 1, 1], [1, 1, 1]])]),
        [[np.nan, np.nan, 3], [np.nan, np.nan, 2]],
    )


def test_wrong_use_gets_one_sentence(x):
    plain = zoo.create("undercomplete", (8,), 3)
    plain.compile(optimizer="adam", jit_compile=False)
    with pytest.raises(ValueError, match="must be finite"):
        plain.fit(x)
    with pytest.raises(ValueError, match="as the variant 'missing' does"):
        impute(plain, x)
    ae = make()
    with pytest.raises(ValueError, match="`x` must be numbers"):
        impute(ae, np.full(x.shape, "3"))
    with pytest.raises(ValueError, match="at least one row"):
        impute(ae, x[:0])
    ae.compile(optimizer="adam", jit_compile=False)
    with pytest.raises(ValueError, match="infinity in row 0"):
        ae.fit(np.full((4, 8), np.inf, "float32"))
    with pytest.raises(ValueError, match="level=2"):
        make(hide=2)
    ae.compile(optimizer="adam", loss="mse")
    with pytest.raises(ValueError, match="leave out `loss`"):
        ae.fit(x, verbose=0)
