import base64

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from serving.server.json_values import from_base64, read_array, shown
from serving.server.status import StatusError
from serving.wire.codec import BY_NAME

NAMES = ["float32", "float64", "int8", "uint8", "int32", "int64", "uint64", "bool"]
SHAPES = arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3)


def values(name):
    return arrays.arrays(BY_NAME[name].numpy, SHAPES)


@given(data=st.data(), name=st.sampled_from(NAMES))
def test_lists_become_the_array_that_they_were(data, name):
    array = data.draw(values(name))
    read = read_array(array.tolist(), BY_NAME[name])
    assert read.dtype == array.dtype
    # Lists say nothing of what lies below a dimension of zero.
    np.testing.assert_array_equal(read, array if array.size else np.reshape(array, read.shape))


@given(data=st.data(), name=st.sampled_from(NAMES), wrong=st.sampled_from([None, "1", {}, []]))
def test_one_wrong_value_is_refused(data, name, wrong):
    array = data.draw(values(name).filter(lambda array: array.ndim and array.size))
    at = tuple(data.draw(st.integers(0, size - 1)) for size in array.shape)
    lists = array.tolist()
    inner = lists
    for i in at[:-1]:
        inner = inner[i]
    inner[at[-1]] = wrong
    if wrong == [] and array.shape[-1] == 1 and array.size == 1:
        assert read_array(lists, BY_NAME[name]).size == 0
        return
    with pytest.raises(StatusError):
        read_array(lists, BY_NAME[name])


@pytest.mark.parametrize(
    ("name", "largest"), [("float32", 2**24 - 1), ("float64", 2**53 - 1), ("uint8", 255)]
)
def test_integers_are_read_as_far_as_they_are_held(name, largest):
    assert read_array([largest], BY_NAME[name]) == [largest]
    for beyond in (largest + 1, 1 << 200, 1 << 2000):
        with pytest.raises(StatusError):
            read_array([beyond], BY_NAME[name])


@given(st.binary())
def test_base64_with_and_without_padding(data):
    text = base64.b64encode(data).decode()
    assert from_base64({"b64": text}) == from_base64({"b64": text.rstrip("=")}) == data


@pytest.mark.parametrize("text", ["?", "a", "AA=A", "ä"])
def test_what_is_no_base64(text):
    with pytest.raises(StatusError, match="Unable to base64 decode"):
        from_base64({"b64": text})


def test_long_values_are_shown_in_part():
    deep = "x"
    for _ in range(500):
        deep = [deep, 1]
    assert len(shown(deep)) == len(shown(list(range(10**6)))) == 1000
