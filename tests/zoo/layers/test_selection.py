import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.layers.selection import largest


def expected(x, k, axis):
    order = np.argsort(-x, axis=axis, kind="stable")
    mask = np.zeros(x.shape, bool)
    np.put_along_axis(mask, np.take(order, range(k), axis=axis), True, axis=axis)
    return mask


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_it_is_a_stable_sort_ties_and_zeros_of_either_sign_included(data):
    shape = data.draw(st.tuples(st.integers(1, 6), st.integers(1, 12)))
    size = shape[0] * shape[1]
    numbers = st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.5, 1e-30, -1e-30, 3e38, -3e38, 1 + 2**-23])
    values = data.draw(st.lists(numbers, min_size=size, max_size=size))
    x = np.array(values, "float32").reshape(shape)
    for axis in (0, 1):
        k = data.draw(st.integers(1, shape[axis]))
        np.testing.assert_array_equal(largest(x, k, axis), expected(x, k, axis))


@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_k_that_changes(jit_compile):
    x = np.random.default_rng(0).normal(size=(7, 50)).astype("float32")
    select = tf.function(lambda k: largest(x, k), jit_compile=jit_compile)
    for k in (1, 13, 50):
        np.testing.assert_array_equal(select(tf.constant(k)), expected(x, k, 1))


def test_half_precision_has_many_ties():
    x = keras.ops.cast(np.random.default_rng(0).normal(size=(20, 500)), "bfloat16")
    assert (np.sum(largest(x, 60), axis=1) == 60).all()
