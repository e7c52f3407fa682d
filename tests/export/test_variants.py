"""Every variant can be published, and what is published answers as the model does."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import export
import zoo
from export import card, golden
from export.autoencoders import from_autoencoder
from export.verify import verify

VARIANTS = {entry.name: entry.kind for entry in zoo.list_variants()}

# What a variant needs in place of the sizes that all others get.
NEEDS = {
    "masked-patches": {"backbone": "vit"},
    "convolutional-winner-take-all": {"code_dim": 72, "backbone": "conv", "filters": (8,)},
    "linear": {"hidden": ()},
}
NAMES = ["embed", "reconstruct", "score", "decode"]


def _make(name, x, **options):
    keras.utils.set_random_seed(0)
    options = {"code_dim": 8, "backbone": "dense"} | NEEDS.get(name, {}) | options
    if options["backbone"] == "dense":
        options = {"hidden": (16,)} | options
    ae = zoo.create(name, input_shape=x.shape[1:], **options)
    ae.compile(optimizer="adam")
    ae.fit(x, batch_size=32, verbose=0)
    return ae


@pytest.mark.slow
@pytest.mark.parametrize("name", VARIANTS)
def test_variant(name, tmp_path):
    x = (np.random.default_rng(0).random((64, 6, 6, 1)) > 0.5).astype("float32")
    ae = _make(name, x)
    path = export.publish(ae, tmp_path, name="m", examples=x, batch_sizes=(1,))
    loaded = tf.saved_model.load(str(path))
    hashes = ["hash", "hash_query"] if VARIANTS[name] == "binary" else []
    assert set(loaded.signatures) == {"serving_default", *NAMES, *hashes}
    inputs = tf.constant(x[:5])
    code = loaded.signatures["embed"](inputs=inputs)["embedding"]
    np.testing.assert_allclose(code, ae.encoder(inputs), atol=1e-5)
    again = loaded.signatures["decode"](embedding=code)["reconstruction"]
    np.testing.assert_allclose(again, ae.decoder(code), atol=1e-5)
    error = loaded.signatures["score"](inputs=inputs)["error"]
    np.testing.assert_allclose(error, ae.reconstruction_error(inputs, again), rtol=1e-4)
    saved = set(card.read(path)["variables"])
    assert saved <= {w.path for w in (*ae.encoder.weights, *ae.decoder.weights)} | {
        "binarize/thresholds"
    }


@pytest.mark.slow
@pytest.mark.parametrize("explicit_mask", [False, True])
def test_holes(explicit_mask, tmp_path):
    """NaN means missing: in examples given, and in those that are drawn."""
    rng = np.random.default_rng(0)
    x = rng.random((64, 7)).astype("float32")
    x[rng.random(x.shape) < 0.3] = np.nan
    if explicit_mask:
        x = {"observed": np.float32(~np.isnan(x)), "inputs": np.nan_to_num(x)}
        keras.utils.set_random_seed(0)
        ae = zoo.create("missing", (7,), 3, hidden=(8,), explicit_mask=True)
    else:
        ae = _make("missing", x, code_dim=3)
    path = export.publish(
        ae, tmp_path, name="m", examples=None if explicit_mask else x, batch_sizes=(1,)
    )
    loaded = tf.saved_model.load(str(path))
    rows = {k: tf.constant(v[:5]) for k, v in (x if explicit_mask else {"inputs": x}).items()}
    given = {name: rows[name] for name in ("inputs", "observed")} if explicit_mask else x[:5]
    np.testing.assert_allclose(
        loaded.signatures["embed"](**rows)["embedding"], ae.encoder(given), atol=1e-5
    )
    assert np.isfinite(loaded.signatures["score"](**rows)["error"]).all()
    recorded = next(golden.read(path)).inputs["inputs"]
    assert explicit_mask or np.isnan(recorded).any() == np.isnan(x[0]).any()
    assert verify(path, from_autoencoder(ae))["signatures"]["embed"]["max_error"] < 1e-4


@pytest.mark.slow
def test_discrete_codes_may_jump_in_few_rows(tmp_path):
    x = np.random.default_rng(0).normal(size=(64, 7)).astype("float32")
    ae = _make("finite-scalar-quantized", x, likelihood="gaussian", code_dim=64)
    how = {"base": tmp_path, "name": "m", "precision": "bfloat16"}
    with pytest.raises(export.ExportError, match=r"of the rows differ .*, allowed are 0\.00%"):
        export.publish(ae, examples=x, max_bits_changed=0, **how)
    path = export.publish(ae, examples=x, max_bits_changed=1, **how)
    checked = card.read(path)["checks"]["signatures"]
    assert 0 < checked["embed"]["rows_changed"] < 1
    assert "rows_changed" not in checked["decode"]
    assert verify(path)["signatures"]["embed"]["rows_changed"] == 0
