import keras
import numpy as np
import pytest

import zoo
from zoo import pretrain
from zoo.training import DivergedError, Run, fit_run

CONFIG = {
    "data_dir": None,
    "variant": "denoising",
    "backbone": "dense",
    "code_dim": 3,
    "likelihood": None,
    "batch_size": 50,
    "learning_rate": 1e-2,
    "seed": 0,
    "epochs": 1,
    "pretrain_epochs": 2,
    "options": {"hidden": [6]},
}


@pytest.fixture(scope="module")
def x():
    base = np.random.default_rng(0).random((256, 2), "float32")
    return np.clip(np.hstack([base, 1 - base, base, base]), 0, 1)


def make(name="undercomplete", **options):
    keras.utils.set_random_seed(0)
    ae = zoo.create(name, (8,), 3, **({"hidden": (12, 6)} | options))
    ae.compile(optimizer="adam", jit_compile=False)
    return ae


@pytest.mark.parametrize(
    ("name", "options", "corruption"),
    [
        ("undercomplete", {}, None),
        ("denoising", {"tied": True, "hidden": (6,)}, zoo.layers.MaskingCorruption(0.1)),
    ],
)
def test_pretraining_trains_every_layer_and_helps_the_whole(name, options, corruption, x):
    ae = make(name, **options)
    before = ae.evaluate(x, verbose=0, return_dict=True)["reconstruction_error"]
    kernels = [w.numpy() for w in ae.trainable_weights if w.path.endswith("kernel")]
    errors = pretrain(ae, x, 4, batch_size=16, learning_rate=0.01, corruption=corruption)
    assert len(errors) == 1 + len(ae.recipe["options"]["hidden"])
    after = ae.evaluate(x, verbose=0, return_dict=True)["reconstruction_error"]
    assert after < before
    changed = [w.numpy() for w in ae.trainable_weights if w.path.endswith("kernel")]
    assert all((a != b).any() for a, b in zip(kernels, changed, strict=True))


def test_the_outer_pair_is_judged_by_the_likelihood(x):
    ae = make(hidden=(6,))
    down, up = ae.get_layer("encoder_dense_0"), ae.get_layer("decoder_output")
    errors = pretrain(ae, x, epochs=1, learning_rate=0.0)
    p = 1 / (1 + np.exp(-np.asarray(up(down(x)))))
    expected = -np.mean(x * np.log(p) + (1 - x) * np.log(1 - p))
    assert errors[0] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_inner_pairs_of_sigmoid_layers_are_judged_by_cross_entropy(activation, tied, x):
    ae = make(hidden=(6,), activation=activation, tied=tied)
    outer, down, up = (ae.get_layer(n) for n in ("encoder_dense_0", "code", "decoder_dense_0"))
    errors = pretrain(ae, x, epochs=1, learning_rate=0.0)
    read = np.asarray(outer(x))
    p = np.asarray(up(down(read)))
    expected = np.mean((read - p) ** 2)
    if activation == "sigmoid":
        expected = -np.mean(read * np.log(p) + (1 - read) * np.log(1 - p))
    assert errors[1] == pytest.approx(expected, rel=1e-4)


def test_word_counts_are_judged_by_the_multinomial_likelihood_and_read_by_their_logarithms():
    counts = np.random.default_rng(0).poisson(0.7, (40, 8)).astype("float32")
    ae = make(likelihood="multinomial", backbone="text", corruption="masking", hidden=(6,))
    down, up = ae.get_layer("encoder_dense_0"), ae.get_layer("decoder_output")
    errors = pretrain(ae, counts, 1, learning_rate=0.0, corruption=zoo.layers.MaskingCorruption(0))
    read = np.log1p(counts)
    read *= 5 / np.maximum(np.linalg.norm(read, axis=1, keepdims=True), 1e-6)
    logits = np.asarray(up(down(read)))
    logits = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    expected = -np.mean((counts * logits).sum(axis=1) / np.maximum(counts.sum(axis=1), 1))
    assert errors[0] == pytest.approx(expected, rel=1e-4)


def test_raw_texts_are_pretrained_by_a_scheduled_rate():
    texts = np.array(["a cat sat", "a dog sat", "the cat ran", "no dog ran"] * 8)
    keras.utils.set_random_seed(0)
    ae = zoo.create("semantic-hash", (), 4, backbone="text", adapt=texts, hidden=(6,))
    untrained = pretrain(ae, texts, epochs=1, learning_rate=0.0)
    rate = keras.optimizers.schedules.CosineDecay(0.05, 40)
    assert pretrain(ae, texts, epochs=20, batch_size=16, learning_rate=rate) < untrained


def test_a_corrupted_model_is_a_stack_of_denoising_ones(x):
    ae = make(
        "denoising", hidden=(6,), corruption_level=1.0
    )  # all is hidden: only biases can learn
    kernel = np.asarray(ae.get_layer("encoder_dense_0").kernel)
    pretrain(ae, x, 1)
    np.testing.assert_array_equal(kernel, ae.get_layer("encoder_dense_0").kernel)


def test_a_run_that_pretrains_goes_on_where_it_was_stopped(x, tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", x)
    config = CONFIG | {"data": str(tmp_path / "x.npy")}
    whole, stopped = Run(tmp_path / "whole"), Run(tmp_path / "stopped")
    fit_run(whole, config, progress=False)
    saved = Run.save_model

    def save_and_stop(self, model):
        saved(self, model)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Run, "save_model", save_and_stop)
        with pytest.raises(KeyboardInterrupt):
            fit_run(stopped, config, progress=False)
    assert len(stopped.load_model().recipe["pretrained"]) == 1
    fit_run(stopped, config, progress=False)
    model, expected = stopped.load_model(), whole.load_model()
    assert model.recipe["pretrained"] == expected.recipe["pretrained"]
    assert len(model.recipe["pretrained"]) == 2
    for weight, value in zip(model.variables, expected.variables, strict=True):
        np.testing.assert_array_equal(weight, value, err_msg=weight.path)
    with pytest.raises(ValueError, match="wants the dense or the text backbone"):
        fit_run(
            Run(tmp_path / "r"), config | {"options": {}, "backbone": "tabular"}, progress=False
        )


def test_a_layer_that_diverges_is_told_and_not_kept(x, tmp_path):
    np.save(tmp_path / "x.npy", x)
    run = Run(tmp_path / "run")
    config = CONFIG | {"data": str(tmp_path / "x.npy"), "learning_rate": 1e30}
    with pytest.raises(DivergedError, match="layer 1 of 2 became NaN in layer-wise"):
        fit_run(run, config, progress=False)
    assert not run.model_file.exists()


def test_what_is_done_after_a_layer_is_not_done_after_one_that_diverged(x):
    ae = make(hidden=(6,))
    code = ae.get_layer("code").kernel
    code.assign(np.full(code.shape, np.nan))
    done = []
    with pytest.raises(DivergedError, match="layer 2 of 2"):
        pretrain(ae, x, 1, after=done.append)
    assert len(done) == 1


def test_other_trunks_are_refused():
    ae = zoo.create("undercomplete", (8, 8, 1), 3, backbone="conv")
    with pytest.raises(ValueError, match="wants the dense or the text backbone"):
        pretrain(ae, np.zeros((2, 8, 8, 1), "float32"))
