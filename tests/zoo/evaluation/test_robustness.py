import keras
import numpy as np
import pytest

import zoo
from zoo.datasets import Dataset
from zoo.evaluation.probes import LinearProbe
from zoo.evaluation.robustness import (
    MISSING_RATES,
    NOISE_LEVELS,
    add_noise,
    hide,
    robustness,
)
from zoo.evaluation.rows import reconstruction_errors

BYTES = np.random.default_rng(0).integers(0, 256, (200, 30), "uint8")


def test_noise_has_the_level_that_is_asked_for():
    x = np.random.default_rng(0).normal(3, 5, (300, 40)).astype("float32")
    noise = add_noise(x, 0.5, x) - x
    assert noise.std() == pytest.approx(2.5, rel=0.02)
    assert noise.mean() == pytest.approx(0, abs=0.05)


def test_noise_keeps_dtype_and_range():
    noisy = add_noise(BYTES, 2.0, BYTES)
    assert noisy.dtype == np.uint8
    np.testing.assert_array_equal(add_noise(BYTES, 0.0, BYTES), BYTES)
    unit = (BYTES / 255).astype("float32")
    assert 0 <= add_noise(unit, 2.0, unit).min() <= add_noise(unit, 2.0, unit).max() <= 1


def test_what_a_lower_rate_hides_a_higher_one_hides_too():
    x = BYTES // 2 + 1
    few, many = hide(x, 0.2, 0) == 0, hide(x, 0.6, 0) == 0
    assert few.mean() == pytest.approx(0.2, abs=0.02)
    assert many[few].all()
    np.testing.assert_array_equal(hide(x, 0.6, 0)[~many], x[~many])


def test_a_filler_for_each_component():
    filled = hide(np.zeros((50, 3), "float32"), 1.0, np.array([1.0, 2, 3]))
    np.testing.assert_array_equal(filled, [[1, 2, 3]] * 50)


@pytest.mark.parametrize("input_dtype", ["uint8", "float32"])
def test_bytes_may_be_missing(input_dtype):
    ae = zoo.create("missing", (30,), 4, hidden=[8], input_dtype=input_dtype)
    lines = robustness(ae, Dataset("x", BYTES, BYTES), np.arange(9), None, None)
    assert all(np.isfinite(line["reconstruction_error"]) for line in lines)
    seen = hide(BYTES, 0.5, np.nan)
    assert 0.4 < np.isnan(seen).mean() < 0.6
    np.testing.assert_array_equal(seen[~np.isnan(seen)], BYTES[~np.isnan(seen)])


def test_curves_begin_with_the_clean_error_and_accuracy():
    keras.utils.set_random_seed(0)
    x = (BYTES / 255).astype("float32")
    y = (x[:, 0] > 0.5).astype(int)
    ae = zoo.create("undercomplete", input_shape=(30,), code_dim=4, hidden=[8])
    rows = np.arange(0, 200, 2)
    codes = np.asarray(ae.encoder(x))
    probe, raw_probe = LinearProbe(codes, y), LinearProbe(x, y)
    lines = robustness(ae, Dataset("x", x, x, y, y), rows, probe, raw_probe)
    assert len(lines) == len(NOISE_LEVELS) + len(MISSING_RATES)
    clean = reconstruction_errors(ae, x[rows], np.asarray(ae.encoder(x[rows]))).mean()
    for corruption in ("noise", "missing"):
        first = next(line for line in lines if line["corruption"] == corruption)
        assert first["level"] == 0
        assert first["reconstruction_error"] == pytest.approx(clean)
        assert first["linear_accuracy"] == probe.accuracy(codes[rows], y[rows])
        assert first["linear_accuracy_raw_input"] == raw_probe.accuracy(x[rows], y[rows])
    worst = [line for line in lines if line["corruption"] == "missing"][-1]
    assert worst["linear_accuracy_raw_input"] < first["linear_accuracy_raw_input"]


def test_data_without_labels():
    x = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
    ae = zoo.create("undercomplete", input_shape=(3,), code_dim=2, likelihood="gaussian")
    lines = robustness(ae, Dataset("x", x, x), np.arange(20), None, None)
    assert set(lines[0]) == {"corruption", "level", "reconstruction_error"}
