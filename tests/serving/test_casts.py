"""Inputs are cast where no value changes, and refused where one would."""

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import serving
from serving import Signature, TensorSpec
from serving.signatures import fit_inputs
from serving.wire.codec import BY_NAME


def fit(dtype, value, shape=None):
    signature = Signature("s", {"x": TensorSpec("x", dtype, shape)}, {})
    return fit_inputs(signature, {"x": value})["x"]


def refuses(dtype, value):
    with pytest.raises(serving.InvalidInput, match=f"^x: .*the model wants {dtype}"):
        fit(dtype, value)
    return True


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        ("float64", np.array([2**53 + 1])),
        ("float32", np.array([2**53 + 1])),
        ("complex128", np.array([2**53 + 1])),
        ("float64", np.array([2**63 - 1])),
        ("float64", np.array([2**64 - 1], np.uint64)),
        ("float32", np.array([2**31 - 1], np.int32)),
        ("float16", np.array([70000])),
        ("int64", np.array([2.0**63])),
        ("uint64", np.array([2.0**64])),
        ("int64", np.array([np.nan])),
        ("uint64", np.array([-1])),
        ("int64", np.array([2**63], np.uint64)),
        ("uint8", np.array([256])),
        ("bool", np.array([2])),
        ("float32", np.array([1 + 2j])),
        ("complex64", np.array([0.1])),
        ("complex64", np.array([complex(np.nan, 0.1)])),
        ("float32", np.array([1e300])),
        ("float32", [1e300]),
        ("bfloat16", [3.4e38]),
        ("float32", [np.float64(0.1)]),
        ("float32", np.float64(0.1)),
        ("float32", [np.array([0.1]), np.array([0.2])]),
        ("float32", [np.array([0.1]), np.array([0.5], np.float32)]),
        ("float64", [np.int64(2**53 + 1), 0.5]),
        ("float64", [2**53 + 1, 0.5]),
        ("int64", [np.uint64(2**63), np.int64(-1)]),
        ("bfloat16", np.float32([1.001])),
        ("bfloat16", np.array([257])),
        ("float32", np.zeros(2, "V4")),
        ("float32", np.array([1, 2], object)),
        ("float32", np.ma.masked_equal(np.float32([1, 2]), 2)),
        ("float32", ["a"]),
        ("float32", [None]),
        ("float32", [1.0, "a"]),
        ("int32", [0.5]),
    ],
)
def test_what_would_change_is_refused(dtype, value):
    assert refuses(dtype, value)


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        ("float64", np.array([2**53, -(2**53), -(2**63)])),
        ("float32", np.array([np.nan, np.inf, -np.inf, 0.5, -0.0])),
        ("float32", [0.5, np.float64(0.25), np.int64(3), True]),
        ("float32", [np.float64(0.5), np.float64(np.nan)]),
        ("float32", np.array([1.5], ml_dtypes.bfloat16)),
        ("float32", np.array([1.5], ">f8")),
        ("float16", np.array([65504])),
        ("int64", np.array([-(2.0**63), 2.0**62])),
        ("uint64", np.array([2**63 - 1])),
        ("uint8", np.array([0.0, 255.0])),
        ("bool", np.array([0, 1])),
        ("complex64", np.array([0.5, np.nan])),
        ("float32", np.array([1 + 0j])),
        ("bfloat16", np.array([1.5, np.nan, np.inf, 256])),
        ("bfloat16", np.array([1.5], ml_dtypes.bfloat16)),
        ("bfloat16", np.array([255, 0], np.uint8)),
        ("float32", [[1, 2], (3, 4)]),
        ("float32", 3),
    ],
)
def test_what_stays_the_same_is_cast(dtype, value):
    cast = fit(dtype, value)
    assert cast.dtype == BY_NAME[dtype].numpy
    wide = np.complex128
    np.testing.assert_array_equal(cast.astype(wide), np.asarray(value).astype(wide))


def test_python_floats_are_rounded():
    np.testing.assert_array_equal(fit("float32", [[0.1, 1], [2, 1e-3]]).ravel()[0], np.float32(0.1))
    assert fit("float32", 0.1) == np.float32(0.1)
    assert fit("float16", [0.1])[0] == np.float16(0.1)
    assert np.isnan(fit("float32", [float("nan")]))
    assert fit("float32", [float("inf")]) == np.inf
    assert fit("bfloat16", [1.001])[0] == 1.0
    assert fit("complex64", [0.1])[0] == np.complex64(0.1)


NUMBERS = [name for name in BY_NAME if name not in ("string", "bfloat16", "complex64")]


@given(st.data(), st.sampled_from(NUMBERS), st.sampled_from(NUMBERS))
def test_a_cast_that_passes_has_the_same_values(data, have, want):
    array = data.draw(hnp.arrays(np.dtype(have), 3))
    try:
        cast = fit(want, array)
    except serving.InvalidInput:
        return
    for left, right in zip(array.tolist(), cast.tolist(), strict=True):
        # Python compares numbers of different kinds exactly.
        assert left == right or (left != left and right != right)


def test_no_rows_need_no_shape():
    assert fit("float32", [], (None, 8)).shape == (0, 8)
    assert fit("string", [], (None,)).dtype == object


def test_unequal_rows_beside_a_scalar_are_counted():
    free = {name: TensorSpec(name, "float32", (None,)) for name in "ab"}
    signature = Signature("two", free | {"t": TensorSpec("t", "float32", ())}, {})
    with pytest.raises(serving.InvalidInput, match=r"received a 1, b 2$"):
        fit_inputs(signature, {"a": [1.0], "b": [1.0, 2.0], "t": 1.0})
