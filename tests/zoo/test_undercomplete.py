import keras
import numpy as np
import pytest
import scipy.linalg
import tensorflow as tf

import zoo
from tests.zoo.testing import run_quick_variant_test, run_variant_test


@pytest.fixture(scope="module")
def x():
    """Gaussian data, off centre, with a spectrum that falls."""
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(8, 8)))[0]
    scale = np.array([3, 2.5, 2, 1, 0.9, 0.8, 0.7, 0.6])
    return ((rng.normal(size=(256, 8)) * scale) @ turn + 0.5).astype("float32")


@pytest.mark.parametrize("tied", [False, True])
def test_linear_spans_the_principal_subspace(tied, x):
    keras.utils.set_random_seed(0)
    ae = zoo.create("linear", (8,), 3, tied=tied)
    steps = 2000
    rate = keras.optimizers.schedules.CosineDecay(0.03, steps)
    ae.compile(optimizer=keras.optimizers.Adam(rate), steps_per_execution=200, jit_compile=False)
    ae.fit(tf.data.Dataset.from_tensors(x).repeat(), steps_per_epoch=steps, verbose=0)
    components = np.linalg.svd(x - x.mean(axis=0))[2][:3].T
    encoder = ae.get_layer("code").kernel.numpy()
    decoder = encoder if tied else ae.get_layer("decoder_output").kernel.numpy().T
    for kernel in (encoder, decoder):
        assert scipy.linalg.subspace_angles(kernel, components).max() < 1e-2
    # And it reconstructs as well as the principal components do.
    centred = x - x.mean(axis=0)
    best = np.mean((centred - centred @ components @ components.T) ** 2)
    assert ae.evaluate(x, verbose=0, return_dict=True)["loss"] == pytest.approx(best, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "options", "check"),
    [
        ("linear", {"tied": True, "weight_decay": 1e-4}, run_quick_variant_test),
        (
            "undercomplete",
            {"hidden": (16,), "tied": True, "corruption": "gaussian"},
            run_variant_test,
        ),
    ],
)
def test_tied_variants(name, options, check, x, tmp_path):
    ae = check(
        lambda: zoo.create(name, (8,), 3, likelihood="gaussian", **options),
        x,
        tmp_path / "model.keras",
    )
    kernels = [w.path for w in ae.trainable_weights if w.path.endswith("kernel")]
    assert len(kernels) == len(options.get("hidden", ())) + 1
    # The loaded model's decoder reads the loaded encoder's kernels.
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    loaded.get_layer("code").kernel.assign(np.zeros(ae.get_layer("code").kernel.shape))
    codes = np.random.default_rng(0).normal(size=(2, 3)).astype("float32")
    np.testing.assert_array_equal(*np.asarray(loaded.decoder(codes)))


def test_tied_dense_is_the_transposed_kernel(x):
    inputs = keras.Input((8,))
    dense = keras.layers.Dense(3, "tanh", name="forth")
    code = dense(inputs)
    back = zoo.layers.TiedDense("forth", "sigmoid")
    model = keras.Model(inputs, back(code))
    expected = 1 / (1 + np.exp(-np.tanh(x @ dense.kernel.numpy()) @ dense.kernel.numpy().T))
    np.testing.assert_allclose(model(x), expected, atol=1e-6)
    assert [w.name for w in back.weights] == ["bias"]
    with pytest.raises(ValueError, match="tied_to='other'"):
        zoo.layers.TiedDense("other")(code)
    with pytest.raises(ValueError, match="symbolic tensors"):
        zoo.layers.TiedDense("forth")(x)


@pytest.mark.parametrize("name", ["undercomplete", "top-k", "gated", "conv", "vit"])
def test_weight_decay_is_the_sum_of_squared_kernels(name, x, tmp_path):
    how = {"likelihood": "gaussian", "weight_decay": 0.01}
    if name == "conv":
        x = np.tile(x[:, :, None, None], (1, 1, 2, 1))
        ae = zoo.create("undercomplete", (8, 2, 1), 3, backbone="conv", filters=(2, 3), **how)
    elif name == "vit":
        x = np.tile(x[:, :, None, None], (1, 1, 4, 1))
        ae = zoo.create("undercomplete", (8, 4, 1), 3, backbone="vit", width=8, heads=2, **how)
    else:
        # The penalty of gates is none of the decay.
        ae = zoo.create(name, (8,), 3, **how, **({"weight": 0.0} if name == "gated" else {}))
    assert ae.recipe["options"]["weight_decay"] == 0.01
    ae.save(tmp_path / "model.keras")
    for model in (ae, keras.saving.load_model(tmp_path / "model.keras")):
        model.compile(optimizer="sgd", jit_compile=False)
        logs = model.evaluate(x, verbose=0, return_dict=True)
        kernels = [w.numpy() for w in model.weights if w.path.endswith("kernel")]
        error = logs["reconstruction_error"] + logs.get("gate_error", 0.0)
        expected = error + 0.01 * sum(np.sum(k**2) for k in kernels)
        assert logs["loss"] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("linear", {"hidden": (4,)}, "'undercomplete' for others"),
        ("linear", {"backbone": "conv", "input_shape": (8, 8, 1)}, "'undercomplete' for others"),
        ("undercomplete", {"weight_decay": -1.0}, "weight_decay=-1.0"),
        ("missing", {"tied": True, "hidden": ()}, "reads 16 values of 8: use tied=False"),
        ("variational", {"beta": -1}, "`beta` must be .* beta=-1"),
        ("masked-patches", {}, "which masked-patches needs, .* another variant"),
    ],
)
def test_wrong_options_get_one_sentence(name, options, message):
    with pytest.raises(ValueError, match=message):
        zoo.create(name, **({"input_shape": (8,), "code_dim": 3} | options))
