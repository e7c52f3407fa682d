import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import export
from export.encoders import from_encoder
from export.precision import reduce
from export.savedmodel import traced


@pytest.fixture(scope="module")
def encoder():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((16, 16, 3), name="x")
    x = keras.layers.Conv2D(32, 3, activation="relu")(inputs)
    x = keras.layers.Dense(256, "relu")(keras.layers.Flatten()(x))
    x = keras.layers.BatchNormalization()(x)
    return keras.Model(inputs, keras.layers.Dense(32, "sigmoid")(x))


@pytest.mark.parametrize(
    ("precision", "error"),
    [
        ("bfloat16", 2e-2),
        ("float16", 1e-3),
        ("int8", 2e-2),
    ],
)
def test_answers_stay_close_and_the_model_is_untouched(encoder, precision, error):
    policies = [layer.dtype_policy.name for layer in encoder.layers]
    x = tf.constant(np.random.default_rng(0).random((50, 16, 16, 3), "float32"))
    before = encoder(x).numpy()
    exportable = reduce(from_encoder(encoder), precision)
    function = traced(exportable.signatures[0], exportable)
    answer = function(x)["embedding"]
    assert answer.dtype == tf.float32
    difference = np.abs(answer - before).max()
    assert 0 < difference <= error
    np.testing.assert_array_equal(encoder(x), before)
    assert [layer.dtype_policy.name for layer in encoder.layers] == policies
    assert exportable.stored


def test_int8_has_one_scale_a_channel(encoder):
    stored = reduce(from_encoder(encoder), "int8").stored
    kernel = encoder.layers[1].kernel
    scale = stored[f"{kernel.path}/scale"].numpy()
    assert (stored[kernel.path].dtype, scale.shape) == (tf.int8, (1, 1, 1, 32))
    error = np.abs(stored[kernel.path].numpy() * scale - kernel.numpy())
    assert (error <= scale / 2 + 1e-7).all()


@pytest.mark.slow
def test_published_int8_is_a_quarter(encoder, tmp_path):
    path = export.publish_encoder(
        encoder,
        tmp_path,
        name="m",
        precision="int8",
        thresholds=np.full(32, 0.5),
        max_bits_changed=1,
    )
    checks = json.loads((path / "assets.extra/model_card.json").read_text())["checks"]
    assert checks["bytes"] < 0.3 * checks["plain_bytes"]
    assert min(checks["rows_per_second"], checks["plain_rows_per_second"]) > 0
    assert 0 < checks["signatures"]["embed"]["max_error"] < 0.05
    assert tf.saved_model.load(str(path)).signatures["embed"](x=tf.zeros((2, 16, 16, 3)))


def test_too_great_a_change_is_refused(encoder, tmp_path):
    with pytest.raises(export.ExportError, match=r"of the bits differ .*, allowed are 0\.00%"):
        export.publish_encoder(
            encoder,
            tmp_path,
            name="m",
            precision="bfloat16",
            thresholds=np.full(32, 0.5),
            max_bits_changed=0,
        )
    assert [p.name for p in (tmp_path / "m").iterdir()] == [".publish.lock"]
    with pytest.raises(ValueError, match=r"precision must be one of float32, .*Received: int4"):
        export.publish_encoder(encoder, tmp_path, name="m", precision="int4")
