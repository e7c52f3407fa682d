"""Corruption as an option of every variant."""

import keras
import numpy as np
import pytest

import zoo
from tests.zoo.testing import run_quick_variant_test, run_variant_test


@keras.saving.register_keras_serializable(package="tests")
class FirstColumns(zoo.layers.Corruption):
    """Sets the first three columns to 0, so that a loss can be computed by hand."""

    def corrupt(self, inputs, level):
        mask = keras.ops.broadcast_to(keras.ops.arange(inputs.shape[1]) < 3, inputs.shape)
        return keras.ops.where(mask, 0.0, inputs), mask


@pytest.fixture(scope="module")
def x():
    base = np.random.default_rng(0).random((160, 2), "float32")
    return np.clip(np.hstack([base, 1 - base, base, base]), 0, 1)


def make(name="denoising", **options):
    how = {"input_shape": (8,), "code_dim": 4, "hidden": (16,)} | options
    return zoo.create(name, **how)


@pytest.mark.parametrize(
    ("name", "options", "check"),
    [
        ("denoising", {"corruption": "gaussian", "corruption_level": 0.1}, run_quick_variant_test),
        (
            "denoising",
            {"corruption": "salt-and-pepper", "emphasis": (1.0, 0.5)},
            run_quick_variant_test,
        ),
        ("semantic-hash", {"corruption": "masking", "emphasis": [1.0, 0.2]}, run_variant_test),
    ],
)
def test_any_variant_denoises(name, options, check, x, tmp_path):
    ae = check(lambda: make(name, **options), x, tmp_path / "model.keras")
    # The encoder is clean: no corruption in its graph, none of its variables.
    assert not [layer for layer in ae.encoder.layers if isinstance(layer, zoo.layers.Corruption)]
    assert not [v.path for v in ae.encoder.variables if "corruption" in v.path]
    # Outside training nothing is spoilt: the model is decoder after encoder.
    np.testing.assert_array_equal(ae(x), ae.decoder(ae.encoder(x)))
    assert "corruption_level" in ae.fit(x, epochs=1, verbose=0).history


@pytest.mark.parametrize(
    "name", [entry.name for entry in zoo.list_variants() if entry.kind == "sparse"]
)
def test_every_sparse_variant_denoises_and_is_clean_outside_of_training(name, x):
    how = {}
    if name.startswith("convolutional"):
        how = {"input_shape": (4, 4, 1), "code_dim": 32, "backbone": "conv", "filters": (2,)}
        how["hidden"] = None
        x = np.concatenate([x, x], axis=1).reshape(-1, 4, 4, 1)

    def build(**options):
        keras.utils.set_random_seed(0)
        options |= {"input_shape": (8,), "code_dim": 16, "hidden": ()} | how
        return zoo.create(name, **{k: v for k, v in options.items() if v is not None})

    ae, plain = build(corruption="masking", corruption_level=0.5), build()
    ae.compile(optimizer=keras.optimizers.Adam(0.01), run_eagerly=True)
    before = ae.evaluate(x, verbose=0, return_dict=True)["reconstruction_error"]
    ae.fit(x, epochs=3, batch_size=32, verbose=0)
    assert ae.evaluate(x, verbose=0, return_dict=True)["reconstruction_error"] < before
    # The same weights in a model that was never corrupted give the same answers.
    plain.encoder.set_weights(ae.encoder.get_weights())
    plain.decoder.set_weights(ae.decoder.get_weights())
    np.testing.assert_array_equal(plain.encoder(x), ae.encoder(x))
    np.testing.assert_array_equal(plain(x), ae(x))


def test_training_reads_the_spoilt_input_and_restores_the_clean_one(x):
    ae = make(corruption=FirstColumns(1.0))
    ae.compile(optimizer=keras.optimizers.SGD(0.0), jit_compile=False)
    logs = ae.train_on_batch(x, return_dict=True)
    spoilt = x.copy()
    spoilt[:, :3] = 0
    expected = np.mean(keras.losses.binary_crossentropy(x, ae(spoilt)))
    assert logs["reconstruction_error"] == pytest.approx(expected, rel=1e-5)
    assert logs["loss"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_emphasis_is_the_weighted_loss_of_vincent(x, jit_compile):
    ae = make(corruption=FirstColumns(1.0, return_mask=True), emphasis=(2.0, 0.5))
    ae.compile(optimizer=keras.optimizers.SGD(0.0), jit_compile=jit_compile)
    weight = np.linspace(0, 2, len(x), dtype="float32")
    logs = ae.train_on_batch(x, x, sample_weight=weight, return_dict=True)
    spoilt = x.copy()
    spoilt[:, :3] = 0
    p = np.clip(np.asarray(ae(spoilt)), 1e-7, 1 - 1e-7)
    errors = -(x * np.log(p) + (1 - x) * np.log(1 - p))
    alpha_beta = np.array([2.0] * 3 + [0.5] * 5)
    expected = np.mean(weight * np.mean(errors * alpha_beta, axis=1))
    assert logs["loss"] == pytest.approx(expected, rel=1e-4)
    # Evaluation spoils nothing and weights nothing.
    plain = np.mean(keras.losses.binary_crossentropy(x, ae(x)))
    assert ae.evaluate(x, verbose=0, return_dict=True)["loss"] == pytest.approx(plain, rel=1e-5)


def test_corruption_after_preprocessing(x):
    ae = make(
        corruption=FirstColumns(1.0),
        preprocessing=keras.layers.Rescaling(1 / 255),
        input_dtype="uint8",
    )
    ae.compile(optimizer=keras.optimizers.SGD(0.0), jit_compile=False)
    pixels = np.round(x * 255).astype("uint8")
    logs = ae.train_on_batch(pixels, return_dict=True)
    spoilt = pixels.copy()
    spoilt[:, :3] = 0
    expected = np.mean(keras.losses.binary_crossentropy(pixels / 255, ae(spoilt)))
    assert logs["loss"] == pytest.approx(expected, rel=1e-4)


def test_the_recipe_names_the_corruption():
    recipe = make(corruption="masking", corruption_level=0.1).recipe
    assert recipe["options"]["corruption"] == "masking"
    assert recipe["options"]["corruption_level"] == 0.1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"corruption": "salt"}, "gaussian, masking, salt-and-pepper. Received"),
        ({"name": "undercomplete", "emphasis": (1, 0)}, "need a corruption"),
        ({"corruption": FirstColumns(1.0), "emphasis": (1, 0)}, "return_mask=True"),
        ({"corruption": FirstColumns(1.0), "corruption_level": 0.1}, "a layer has its own"),
        ({"corruption": "masking", "corruption_level": 1.5}, "level=1.5"),
        ({"corruption": "masking", "emphasis": (-1, 0)}, "must be numbers, not negative"),
    ],
)
def test_wrong_corruptions_get_one_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)
