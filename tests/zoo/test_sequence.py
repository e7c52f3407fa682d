import numpy as np
import pytest

import zoo
from tests.zoo.testing import run_layer_test, run_quick_variant_test


@pytest.fixture(scope="module")
def x():
    """Sine waves of 5 to 10 steps, padded with NaN."""
    rng = np.random.default_rng(0)
    steps = np.arange(10)
    waves = np.sin(steps / 2 + rng.uniform(0, 6, (96, 1)))[..., None].astype("float32")
    waves[steps[None, :] >= rng.integers(5, 11, (96, 1))] = np.nan
    return waves


@pytest.mark.parametrize("cell", ["gru", "conv"])
def test_padding_changes_nothing(cell, x, tmp_path):
    ae = run_quick_variant_test(
        lambda: zoo.create(
            "undercomplete", (10, 1), 3, backbone="sequence", cell=cell, units=(6, 5)
        ),
        x,
        tmp_path / "model.keras",
    )
    series = np.random.default_rng(1).normal(size=(4, 6, 1)).astype("float32")
    padded = np.full((4, 10, 1), np.nan, "float32")
    padded[:, :6] = series
    # The same weights on the short series, where there is nothing to mask.
    short = zoo.create("undercomplete", (6, 1), 3, backbone="sequence", cell=cell, units=(6, 5))
    short.encoder.set_weights(ae.encoder.get_weights())
    np.testing.assert_allclose(short.encoder(series), ae.encoder(padded), atol=1e-5)
    # Nor does the error count the padding.
    reconstruction = np.asarray(ae(padded))
    expected = np.mean((series - reconstruction[:, :6]) ** 2, axis=(1, 2))
    np.testing.assert_allclose(ae.reconstruction_error(padded, reconstruction), expected, rtol=1e-4)


def test_layers(x):
    run_layer_test(zoo.layers.MaskPadding(), x, (10, 1))
    mask = zoo.layers.MaskPadding().compute_mask(x)
    np.testing.assert_array_equal(mask, ~np.isnan(x[..., 0]))


def test_missing_with_sequences(x):
    ae = zoo.create("missing", (10, 1), 3, backbone="sequence", units=(4,))
    ae.compile(optimizer="sgd", run_eagerly=True)
    assert np.isfinite(ae.fit(x, verbose=0).history["loss"]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input_shape": (10,)}, "add an axis"),
        ({"cell": "lstm"}, "gru, conv"),
    ],
)
def test_wrong_options_get_one_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        zoo.create(
            "undercomplete",
            **({"input_shape": (10, 1), "code_dim": 3, "backbone": "sequence"} | options),
        )


def test_plain_gru_holds_weights_alone(x):
    layer = zoo.layers.PlainGRU(4)
    run_layer_test(layer, np.nan_to_num(x), (4,), trainable_weights=3)
    assert len(layer.variables) == 3
    with pytest.raises(ValueError, match="has no dropout"):
        zoo.layers.PlainGRU(4, dropout=0.1)
