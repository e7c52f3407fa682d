import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).random((96, 4, 4, 1), "float32")


def make(name="semantic-hash", **options):
    options = {"input_shape": (4, 4, 1), "code_dim": 6, "hidden": (16,)} | options
    ae = zoo.create(name, **options)
    ae.compile(optimizer="sgd", jit_compile=False)
    return ae


def make_eager(name, **options):
    """For a few steps in many ways, each of which would be traced."""
    ae = make(name, **options)
    ae.compile(optimizer="sgd", run_eagerly=True)
    return ae


def weights_after(fit, **options):
    keras.utils.set_random_seed(0)
    ae = make_eager("undercomplete", **options)
    fit(ae)
    return np.concatenate([w.ravel() for w in ae.get_weights()])


def test_the_target_is_the_input_whatever_the_form_of_the_data(x):
    how = {"batch_size": 32, "shuffle": False, "verbose": 0}
    expected = weights_after(lambda ae: ae.fit(x, **how))
    data = tf.data.Dataset.from_tensor_slices(x).batch(32)

    def batches():
        for i in range(0, 96, 32):
            yield x[i : i + 32], x[i : i + 32]

    for fit in (
        lambda ae: ae.fit(x, x, **how),
        lambda ae: ae.fit(x, x, 32, 1, 0, shuffle=False),
        lambda ae: ae.fit(data, verbose=0),
        lambda ae: ae.fit(data.map(lambda b: (b, b)), verbose=0),
        lambda ae: ae.fit(batches(), steps_per_epoch=3, verbose=0),
        lambda ae: ae.fit(x, sample_weight=np.ones(96), **how),
    ):
        np.testing.assert_allclose(weights_after(fit), expected, atol=1e-6)


def test_steps_per_execution_and_callbacks(x):
    ae = make()
    ae.compile(optimizer="sgd", steps_per_execution=3, jit_compile=False)
    stop = keras.callbacks.EarlyStopping("val_loss", patience=0, min_delta=1.0)
    history = ae.fit(
        x, batch_size=16, epochs=5, validation_data=x, callbacks=[stop], verbose=0
    ).history
    assert len(history["loss"]) == 2
    assert int(ae.get_layer("saturating_noise").step) == 12


def test_sample_weight_of_zero_hides_an_example(x):
    ae = make("undercomplete")
    other = x.copy()
    other[48:] = 0.5
    weight = np.repeat([2.0, 0.0], 48)
    results = [
        ae.evaluate(data, sample_weight=weight, batch_size=96, verbose=0, return_dict=True)
        for data in (x, other)
    ]
    assert results[0] == pytest.approx(results[1], abs=1e-6)
    half = ae.evaluate(x[:48], batch_size=48, verbose=0, return_dict=True)
    assert results[0] == pytest.approx(half, abs=1e-6)


def test_sample_weights_are_one_number_an_example(x):
    ae = make("undercomplete")
    weight = np.linspace(0, 2, 96)
    how = {"batch_size": 96, "verbose": 0, "return_dict": True}
    flat = ae.evaluate(x, sample_weight=weight, **how)
    assert flat != pytest.approx(ae.evaluate(x, **how))
    assert ae.evaluate(x, sample_weight=weight[:, None], **how) == pytest.approx(flat)
    with pytest.raises(ValueError, match=r"one number an example.*shape=\(96, 8\)"):
        make_eager("undercomplete").evaluate(x, sample_weight=np.ones((96, 8)), **how)


def test_weights_of_validation_data_without_a_target_count(x):
    weight = np.linspace(0, 2, 96)
    losses = []
    for held_out in ((x, None, weight), (x, x, weight), (x, x)):
        keras.utils.set_random_seed(0)
        ae = make_eager("undercomplete")
        losses += ae.fit(x, validation_data=held_out, verbose=0).history["val_loss"]
    assert losses[0] == pytest.approx(losses[1])
    assert losses[0] != pytest.approx(losses[2])


def test_validation_data_in_every_form(x):
    for validation in (x, (x, x), (x, x, np.ones(96)), tf.data.Dataset.from_tensors(x)):
        history = make_eager("semantic-hash").fit(x, validation_data=validation, verbose=0).history
        assert "val_binarized_error" in history
        assert "binarized_error" not in history


def test_binarized_error_is_the_error_through_the_bits(x):
    ae = make()
    bits = ae.encoder.predict(x, verbose=0) > 0.5
    reconstruction = ae.decoder.predict(bits.astype("float32"), verbose=0)
    expected = np.mean(ae.reconstruction_error(x, reconstruction))
    assert ae.evaluate(x, verbose=0, return_dict=True)["binarized_error"] == pytest.approx(
        expected, rel=1e-5
    )


def test_a_compiled_loss_replaces_the_likelihood(x):
    ae = make("undercomplete")
    ae.compile(optimizer="sgd", jit_compile=False, loss="mae", metrics=["mse"])
    result = ae.evaluate(x, verbose=0, return_dict=True)
    assert result["loss"] == pytest.approx(np.mean(np.abs(ae.predict(x, verbose=0) - x)), rel=1e-5)
    assert {"mse", "reconstruction_error"} <= set(result)


def test_preprocessing_belongs_to_the_model(x, tmp_path):
    pixels = np.round(x * 255).astype("uint8")
    ae = make(preprocessing=keras.layers.Rescaling(1 / 255), input_dtype="uint8")
    ae.fit(pixels, epochs=1, verbose=0)
    np.testing.assert_allclose(ae.preprocessor(pixels), pixels / 255, atol=1e-6)
    ae.save(tmp_path / "model.keras")
    loaded = zoo.load(tmp_path)
    assert loaded.encoder.inputs[0].dtype == "uint8"
    np.testing.assert_array_equal(loaded.encoder(pixels), ae.encoder(pixels))


def test_a_hand_made_model_saves_and_loads(x, tmp_path):
    inputs = keras.Input((16,), name="inputs")
    code = keras.layers.Dense(3)(inputs)
    noisy = keras.layers.GaussianNoise(0.5)(code)
    outputs = keras.layers.Dense(16)(noisy)
    ae = zoo.Autoencoder(
        inputs,
        outputs,
        code=code,
        decoder_input=noisy,
        code_spec=zoo.CodeSpec("real", 3),
        likelihood="gaussian",
    )
    ae.save(tmp_path / "model.keras")
    loaded = zoo.load(tmp_path / "model.keras")
    rows = x.reshape(96, 16)
    np.testing.assert_array_equal(loaded(rows), ae(rows))
    np.testing.assert_array_equal(loaded.decoder(loaded.encoder(rows)), ae(rows))


def test_an_encoder_weight_out_of_reach_is_refused():
    inputs = keras.Input((16,), name="inputs")
    code = keras.layers.Dense(3)(inputs)
    with pytest.raises(ValueError, match="on the way"):
        zoo.Autoencoder(
            inputs,
            keras.layers.Dense(16)(inputs),
            code=code,
            decoder_input=inputs,
            code_spec=zoo.CodeSpec("real", 3),
        )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.zeros((0, 4, 4, 1), "float32"), "at least one row"),
        (np.zeros((5, 4, 4), "float32"), "add a channel axis"),
        (np.zeros((5, 3, 4, 1), "float32"), r"Received: shape=\(5, 3, 4, 1\)"),
        (np.full((5, 4, 4, 1), np.nan, "float32"), "in row 0 of 5"),
        (np.full((5, 4, 4, 1), 255.0, "float32"), "values from 255 to 255"),
        (np.full((5, 4, 4, 1), "0.5"), "must be numbers"),
        (np.full((5, 4, 4, 1), "red", object), "must be numbers"),
        (["a text", "and another"], "must be numbers"),
    ],
)
def test_wrong_data_fails_in_one_line_before_training(data, message, x):
    ae = make()
    with pytest.raises(ValueError, match=message):
        ae.fit(data)
    with pytest.raises(ValueError, match=message):
        ae.fit(x, validation_data=data)


def test_an_array_of_objects_may_hold_numbers(x):
    ae = make()
    objects = x.astype(object)
    np.testing.assert_array_equal(ae.predict(objects, verbose=0), ae.predict(x, verbose=0))
    assert ae.evaluate(objects, verbose=0) == ae.evaluate(x, verbose=0)
    assert np.isfinite(ae.fit(objects, validation_data=objects, verbose=0).history["loss"]).all()
    with pytest.raises(ValueError, match="`x` must be numbers"):
        ae.predict(np.full((5, 4, 4, 1), "red"))


def test_load_says_what_is_wrong(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no model"):
        zoo.load(tmp_path)
    (tmp_path / "broken.keras").write_bytes(b"not a zip")
    with pytest.raises(ValueError, match="not a saved Keras model"):
        zoo.load(tmp_path / "broken.keras")
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(tmp_path / "plain.keras")
    with pytest.raises(ValueError, match="holds a Sequential"):
        zoo.load(tmp_path / "plain.keras")
