"""Malformed and hostile requests: the right codes, and a server that goes on."""

import contextlib
import random
import threading

import grpc
import numpy as np
import pytest

from serving.wire.codec import to_proto
from serving.wire.messages import PredictRequest

PREDICT = "/tensorflow.serving.PredictionService/Predict"
# INTERNAL is what gRPC gives for bytes that are no message.
REFUSALS = {
    *("INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION", "INTERNAL", "UNIMPLEMENTED"),
    *("RESOURCE_EXHAUSTED", "OUT_OF_RANGE"),
}


def good(signature="embed"):
    request = PredictRequest()
    request.model_spec.name = "enc"
    request.model_spec.signature_name = signature
    request.inputs["inputs"].CopyFrom(to_proto(np.ones((2, 8), np.float32)))
    return request


def tensor(**fields):
    request = good()
    request.inputs["inputs"].Clear()
    request.inputs["inputs"].MergeFrom(to_proto(np.zeros(0)).__class__(**fields))
    return request.SerializeToString()


def shaped(*sizes, **fields):
    return tensor(dtype=1, tensor_shape={"dim": [{"size": size} for size in sizes]}, **fields)


def code_of(channel, data, timeout=20):
    try:
        channel.unary_unary(PREDICT)(data, timeout=timeout)
    except grpc.RpcError as error:
        return error.code().name
    return "OK"


@pytest.mark.parametrize(
    "data",
    [
        shaped(-1, 8),
        shaped(2, 8, tensor_content=b"\0" * 63),
        shaped(2, 8, tensor_content=b"\0" * 65),
        shaped(1 << 40, 1 << 40, float_val=[1]),
        shaped(1 << 62, 8, float_val=[1]),
        shaped(0, 1 << 62, 1 << 62),
        shaped(*[1] * 300, float_val=[1]),
        shaped(3_000_000_000, 8, float_val=[1]),
        tensor(dtype=0),
        tensor(dtype=1000),
        tensor(dtype=1, tensor_shape={"unknown_rank": True}, float_val=[1]),
        tensor(dtype=20, tensor_shape={"dim": [{"size": 1}]}),
        tensor(dtype=7, tensor_shape={"dim": [{"size": 2}]}, string_val=[b"\xff", b"x"]),
        tensor(dtype=7, tensor_shape={"dim": [{"size": 2}]}, tensor_content=b"\xff" * 50),
        tensor(dtype=101, tensor_shape={"dim": [{"size": 1}]}, float_val=[1]),
    ],
    ids=[
        *("negative", "short", "long", "overflow", "huge", "zero times huge", "deep", "hungry"),
        *("no dtype", "unknown dtype", "no rank", "resource", "strings", "lengths", "reference"),
    ],
)
def test_tensors_that_are_none(channel, data):
    assert code_of(channel, data) == "INVALID_ARGUMENT"
    assert code_of(channel, good().SerializeToString()) == "OK"


def test_a_thousand_damaged_requests(channel):
    make = random.Random(0)
    whole = good("hash").SerializeToString()
    codes = set()
    for _ in range(1000):
        data = bytearray(whole)
        for _ in range(make.randrange(1, 6)):
            data[make.randrange(len(data))] = make.randrange(256)
        if make.random() < 0.3:
            data = data[: make.randrange(len(data))]
        codes.add(code_of(channel, bytes(data)))
    assert codes <= REFUSALS | {"OK"}
    assert len(codes) > 2
    assert code_of(channel, whole) == "OK"


def test_names_that_are_no_text(channel):
    data = good("hash").SerializeToString()
    for name in (b"enc", b"hash", b"inputs"):
        assert name in data
        assert code_of(channel, data.replace(name, b"\xff" * len(name))) in REFUSALS


def test_a_hundred_megabytes(channel):
    request = good()
    request.inputs["inputs"].CopyFrom(to_proto(np.ones((3_200_000, 8), np.float32)))
    assert code_of(channel, request.SerializeToString(), timeout=60) == "OK"
    request.inputs["inputs"].CopyFrom(to_proto(np.ones((3_200_000, 9), np.float32)))
    assert code_of(channel, request.SerializeToString(), timeout=60) == "INVALID_ARGUMENT"


def test_numbers_that_are_none_pass_through(channel):
    request = good()
    request.inputs["inputs"].CopyFrom(to_proto(np.full((2, 8), np.nan, np.float32)))
    assert code_of(channel, request.SerializeToString()) == "OK"


def test_a_storm_of_deadlines_leaves_a_server_that_answers(target):
    """Hundreds of calls that their clients give up at once."""
    data = good().SerializeToString()

    def storm():
        with grpc.insecure_channel(target, options=[("grpc.use_local_subchannel_pool", 1)]) as own:
            call = own.unary_unary(PREDICT)
            futures = [call.future(data, timeout=0.002) for _ in range(100)]
            for future in futures[::2]:
                future.cancel()
            for future in futures:
                with contextlib.suppress(grpc.RpcError, grpc.FutureCancelledError):
                    future.result()

    threads = [threading.Thread(target=storm) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with grpc.insecure_channel(target) as channel:
        for _ in range(20):
            assert code_of(channel, data, timeout=10) == "OK"
