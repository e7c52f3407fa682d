import numpy as np
import pytest

from zoo.datasets import preprocessing_for


def test_bytes_are_scaled_to_the_unit_interval():
    layer, likelihood = preprocessing_for(np.uint8([[0, 255]]))
    assert likelihood == "bernoulli"
    np.testing.assert_allclose(layer(np.uint8([[0, 255]])), [[0, 1]], atol=1e-6)


def test_the_unit_interval_is_left_alone():
    assert preprocessing_for(np.float32([[0, 1]])) == (None, "bernoulli")


def test_other_values_are_normalised():
    x = np.random.default_rng(0).normal(5, [1, 10], (1000, 2)).astype("float32")
    layer, likelihood = preprocessing_for(x)
    assert likelihood == "gaussian"
    np.testing.assert_allclose(np.std(layer(x), axis=0), [1, 1], atol=1e-3)


def test_holes_are_passed_over():
    x = np.random.default_rng(0).normal(5, 2, (1000, 2)).astype("float32")
    expected = np.asarray(preprocessing_for(x)[0](x))
    holes = np.concatenate([x, np.full((500, 2), np.nan, "float32")])
    layer, likelihood = preprocessing_for(holes)
    assert likelihood == "gaussian"
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5)


@pytest.mark.parametrize("values", [[np.inf, 1], [np.nan, np.nan]])
def test_infinite_or_no_values_are_refused(values):
    with pytest.raises(ValueError, match="Training rows must have values"):
        preprocessing_for(np.float32([values]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_too_large_to_be_normalised_are_refused(dtype):
    with pytest.raises(ValueError, match=r"scale them down\. Received: values of up to 3e"):
        preprocessing_for(np.array([[1e25], [-3e30]], dtype))
