import keras
import numpy as np
import pytest

import zoo
from zoo.datasets import shuffled_batches

rng = np.random.default_rng(0)
x = rng.random((200, 6)).astype("float32")
codes = (x[:, :4] > 0.5).astype("uint8")


def make(name="semantic-hash", **options):
    keras.utils.set_random_seed(0)
    ae = zoo.create(name, (6,), 4, hidden=(16,), **options)
    # A few steps of a small model take less time than tracing one.
    ae.compile("sgd", run_eagerly=True)
    return ae


@pytest.mark.parametrize("options", [{}, {"corruption": "masking", "corruption_level": 0.1}])
def test_the_encoder_learns_the_codes(options, tmp_path):
    ae = make(noise=0.5, **options)
    ae.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    history = ae.fit(x, {"code": codes}, epochs=20, verbose=0).history
    assert history["code_error"][-1] < 0.6 * history["code_error"][0]
    assert np.mean(np.asarray(ae.binarize(ae.encoder(x))) == codes) > 0.9
    ae.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.code_weight == ae.code_weight
    np.testing.assert_array_equal(loaded.encoder(x), ae.encoder(x))


def test_loss_is_the_sum_of_its_parts():
    ae = make(noise=0.0, code_weight=3.0)
    ae.fit(x, {"code": codes}, epochs=1, verbose=0)
    logs = ae.evaluate(x, {"code": codes, "reconstruction": x}, verbose=0, return_dict=True)
    p = np.asarray(ae.encoder(x), "float64")
    expected = -np.mean(codes * np.log(p) + (1 - codes) * np.log(1 - p))
    assert logs["code_error"] == pytest.approx(expected, rel=1e-4)
    assert logs["loss"] == pytest.approx(
        logs["reconstruction_error"] + 3 * logs["code_error"], rel=1e-4
    )


def test_the_error_of_codes_is_told_only_where_there_are_codes():
    ae = make(noise=0.0)
    taught = ae.fit(x, {"code": codes}, validation_data=(x, x), epochs=1, verbose=0).history
    assert "code_error" in taught
    assert "val_code_error" not in taught
    assert "code_error" not in ae.fit(x, epochs=1, verbose=0).history
    assert "code_error" not in ae.evaluate(x, verbose=0, return_dict=True)


def test_batches_keep_rows_and_codes_together():
    for rows, taught in shuffled_batches(x, 50, seed=1, codes=codes).take(4):
        np.testing.assert_array_equal(taught["code"], np.asarray(rows)[:, :4] > 0.5)


def test_without_codes_nothing_changes():
    ae = make()
    assert "code_error" in {metric.name for metric in ae.metrics}
    plain, given = (
        make().fit(x, y, epochs=2, shuffle=False, verbose=0).history["loss"]
        for y in (None, {"reconstruction": x})
    )
    assert plain == given


def test_other_variants_refuse_codes():
    with pytest.raises(ValueError, match="cannot be taught codes"):
        make("bernoulli-hash").fit(x, {"code": codes}, verbose=0)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ({"codes": codes}, "the keys code or reconstruction. Received: codes"),
        ({"code": codes * 2}, r"in \[0, 1\]. Received: values from 0 to 2"),
        ({"code": codes * np.nan}, r"in \[0, 1\]. Received: values from nan"),
        ({"code": codes[:, :3]}, r"shape \(None, 4\). Received: \(200, 3\)"),
    ],
)
def test_wrong_codes_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        make().fit(x, y, verbose=0)


def test_sample_weights_reach_the_codes():
    ae = make(noise=0.0)
    weight = np.repeat([2.0, 0.0], 100)
    how = {"batch_size": 200, "verbose": 0, "return_dict": True}
    weighted = ae.evaluate(x, {"code": codes}, sample_weight=weight, **how)
    half = ae.evaluate(x[:100], {"code": codes[:100]}, **how)
    assert weighted == pytest.approx(half, rel=1e-5)
    ae.fit(x, {"code": codes}, sample_weight=weight, verbose=0)


def test_wrong_weight():
    with pytest.raises(ValueError, match="must not be negative"):
        make(code_weight=-1.0)
