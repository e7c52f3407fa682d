"""Tensors on the wire, against TensorFlow's own encoder and decoder."""

import contextlib

import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from serving.wire import describe, messages
from serving.wire.codec import BY_NAME, to_array, to_proto

NUMERIC = [name for name in BY_NAME if name not in ("string", "bfloat16")]
SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
ARRAYS = st.sampled_from(NUMERIC).flatmap(lambda name: hnp.arrays(np.dtype(name), SHAPES))
TEXTS = hnp.arrays(object, SHAPES, elements=st.binary(max_size=300))


def same(left, right):
    assert left.shape == right.shape
    np.testing.assert_array_equal(left, right)


def theirs(proto):
    return tf.make_ndarray(tf.make_tensor_proto(0).FromString(proto.SerializeToString()))


@given(ARRAYS | TEXTS, st.booleans())
def test_round_trip_in_both_encodings(array, content):
    decoded = to_array(to_proto(array, content=content))
    assert decoded.dtype == array.dtype
    same(decoded, array)


@given(ARRAYS)
def test_reads_what_tensorflow_writes(array):
    same(to_array(tf.make_tensor_proto(array)), array)


@given(ARRAYS, st.booleans())
def test_tensorflow_reads_what_we_write(array, content):
    same(theirs(to_proto(array, content=content)), array)


@given(TEXTS)
def test_strings_are_tensorflows(array):
    same(to_array(tf.make_tensor_proto(array)), array)
    same(theirs(to_proto(array, content=False)), array)


@given(hnp.arrays(np.float32, SHAPES, elements=st.floats(width=32)), st.booleans())
def test_bfloat16_rounds_as_ml_dtypes_does(array, content):
    proto = to_proto(array, dtype="bfloat16", content=content)
    wanted = array.astype(ml_dtypes.bfloat16)
    same(to_array(proto), wanted.astype(np.float32))
    same(theirs(proto).astype(np.float32), wanted.astype(np.float32))


@pytest.mark.parametrize("name", NUMERIC)
def test_the_last_value_is_repeated_and_none_is_zero(name):
    proto = to_proto(np.ones((), name), content=False)
    proto.tensor_shape.dim.add(size=3)
    same(to_array(proto), np.ones(3, name))
    proto.ClearField(BY_NAME[name].field)
    same(to_array(proto), np.zeros(3, name))


@pytest.mark.parametrize(
    "broken",
    [
        {"dtype": 0},
        {"dtype": 99},
        {"dtype": 1, "tensor_content": b"123"},
        {"dtype": 1, "tensor_shape": {"dim": [{"size": -1}]}},
        {"dtype": 1, "tensor_shape": {"unknown_rank": True}},
        {"dtype": 1, "tensor_shape": {"dim": [{"size": 1 << 40}] * 3}},
        {"dtype": 1, "tensor_shape": {"dim": [{"size": 0}] + [{"size": 1 << 62}] * 3}},
        {"dtype": 1, "tensor_shape": {"dim": [{"size": 1}] * 65}},
        {"dtype": 1, "tensor_shape": {"dim": [{"size": 10_000}]}},
        {"dtype": 7, "tensor_content": b"\xff\xff\xff\xff\xff\xff"},
        {"dtype": 7, "tensor_content": b"\x05ab"},
    ],
)
def test_what_is_not_a_tensor_is_refused(broken):
    with pytest.raises(ValueError, match="tensor"):
        to_array(messages.TensorProto(**broken), max_bytes=1000)


@given(st.binary(max_size=200))
def test_any_bytes_decode_or_are_refused_cleanly(data):
    with contextlib.suppress(ValueError, DecodeError):
        to_array(messages.TensorProto.FromString(data), max_bytes=1 << 20)


def test_the_descriptors_are_those_of_tensorflow_serving_api():
    assert describe.PATH.read_bytes() == describe.descriptor_set()
