"""Predict: codes, messages and answers as TF Serving gives them."""

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from tests.serving import models

DTYPES = [name for name in models.DTYPES if name != "string"]


def request_of(model="enc", signature="", version=None, label=None, outputs=(), **inputs):
    request = predict_pb2.PredictRequest(output_filter=outputs)
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    if version is not None:
        request.model_spec.version.value = version
    if label is not None:
        request.model_spec.version_label = label
    for name, value in inputs.items():
        tensor = value if hasattr(value, "tensor_shape") else tf.make_tensor_proto(value)
        request.inputs[name].CopyFrom(tensor)
    return request


def rows(count=2, width=models.FEATURES):
    return np.random.default_rng(count).normal(size=(count, width)).astype(np.float32)


def two(**changes):
    inputs = {"a": np.ones((1, 2), np.float32), "b": np.ones((1, 2), np.int32)} | changes
    return {name: value for name, value in inputs.items() if value is not None}


def broken_tensor():
    return tf.make_tensor_proto(rows()).__class__(
        dtype=1, tensor_content=b"123", tensor_shape={"dim": [{"size": 2}, {"size": 8}]}
    )


NOT_FOUND = "Servable not found for request: "
CASES = {
    "no model_spec": (
        predict_pb2.PredictRequest,
        "INVALID_ARGUMENT",
        "Missing ModelSpec",
    ),
    "empty name": (
        lambda: request_of("", inputs=rows()),
        "INVALID_ARGUMENT",
        "ModelSpec has no name specified.",
    ),
    "unknown model": (
        lambda: request_of("nope", inputs=rows()),
        "NOT_FOUND",
        NOT_FOUND + "Latest(nope)",
    ),
    "unknown version": (
        lambda: request_of(version=9, inputs=rows()),
        "NOT_FOUND",
        NOT_FOUND + "Specific(enc, 9)",
    ),
    "unknown label": (
        lambda: request_of(label="none-such", inputs=rows()),
        "INVALID_ARGUMENT",
        "Unrecognized servable version label: none-such",
    ),
    "unknown signature": (
        lambda: request_of(signature="foo", inputs=rows()),
        "FAILED_PRECONDITION",
        'Serving signature key "foo" not found.',
    ),
    "missing input": (
        lambda: request_of("odd", "two", **two(b=None)),
        "INVALID_ARGUMENT",
        "input size does not match signature: 1!=2 len({a}) != len({a,b})."
        " Sent extra: {}. Missing but required: {b}.",
    ),
    "extra input": (
        lambda: request_of("odd", "two", **two(c=rows())),
        "INVALID_ARGUMENT",
        "input size does not match signature: 3!=2 len({a,b,c}) != len({a,b})."
        " Sent extra: {c}. Missing but required: {}.",
    ),
    "wrong name": (
        lambda: request_of("odd", "fragile", z=np.ones(1, np.float32)),
        "INVALID_ARGUMENT",
        "Signature input alias: x(feed name: fragile_x:0) not found in request and no default"
        " value provided. Inputs expected to be in the request {z}, or default input alias set: ",
    ),
    "double for float": (
        lambda: request_of(inputs=rows().astype(np.float64)),
        "INVALID_ARGUMENT",
        "Expects arg[0] to be float but double is provided",
    ),
    "int for float": (
        lambda: request_of(inputs=np.ones((2, 8), np.int64)),
        "INVALID_ARGUMENT",
        "Expects arg[0] to be float but int64 is provided",
    ),
    "undecodable tensor": (
        lambda: request_of(inputs=broken_tensor()),
        "INVALID_ARGUMENT",
        "tensor parsing error: inputs",
    ),
    "bad output_filter": (
        lambda: request_of("odd", "two", outputs=["zz"], **two()),
        "INVALID_ARGUMENT",
        "output tensor alias not found in signature: zz Outputs expected to be in the set"
        " {logits,score}.",
    ),
    "duplicate output_filter": (
        lambda: request_of("odd", "two", outputs=["score", "score"], **two()),
        "INVALID_ARGUMENT",
        "duplicate output tensor alias: score",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_errors(prediction, name):
    make, code, message = CASES[name]
    with pytest.raises(grpc.RpcError) as caught:
        prediction.Predict(make(), timeout=10)
    assert (caught.value.code().name, caught.value.details()) == (code, message)


def test_a_wrong_shape_is_the_operations_error(prediction):
    with pytest.raises(grpc.RpcError) as caught:
        prediction.Predict(request_of(inputs=rows(2, 5)), timeout=10)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.details().startswith(
        "Matrix size-incompatible: In[0]: [2,5], In[1]: [8,12]\n\t [[{{node "
    )


def test_long_messages_are_cut(prediction):
    with pytest.raises(grpc.RpcError) as caught:
        prediction.Predict(request_of("n" * 3000, inputs=rows()), timeout=10)
    assert caught.value.details().endswith("...TRUNCATED")
    assert len(caught.value.details()) < 1100


def test_deadline(prediction):
    slow = request_of("odd", "slow", steps=np.int32([40]))
    with pytest.raises(grpc.RpcError) as caught:
        prediction.Predict(slow, timeout=0.1)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


def test_the_answer_names_version_and_signature(prediction):
    answer = prediction.Predict(request_of(inputs=rows()), timeout=10)
    spec = answer.model_spec
    assert (spec.name, spec.version.value, spec.signature_name) == ("enc", 2, "serving_default")
    answer = prediction.Predict(request_of(version=1, signature="hash", inputs=rows()), timeout=10)
    assert (answer.model_spec.version.value, answer.model_spec.signature_name) == (1, "hash")


def test_versions_answer_with_their_own_weights(prediction):
    one, two = (
        tf.make_ndarray(
            prediction.Predict(request_of(version=v, inputs=rows())).outputs["embedding"]
        )
        for v in (1, 2)
    )
    np.testing.assert_allclose(2 * one, two, rtol=1e-5)
    np.testing.assert_allclose(one, rows() @ models.weights(), rtol=1e-4, atol=1e-5)


def test_output_filter_chooses(prediction):
    answer = prediction.Predict(request_of("odd", "two", outputs=["score"], **two()), timeout=10)
    assert set(answer.outputs) == {"score"}


def test_answers_come_in_typed_fields(prediction):
    answer = prediction.Predict(request_of(signature="hash_query", inputs=rows()), timeout=10)
    assert len(answer.outputs["margin"].float_val) == 2 * models.BITS
    assert len(answer.outputs["code"].int_val) == 4
    assert not answer.outputs["code"].tensor_content


@pytest.mark.parametrize("content", [True, False])
def test_every_dtype_goes_both_ways(prediction, content):
    inputs = {}
    for index, name in enumerate(models.DTYPES):
        values = [[0, 1], [2 + index, 3]]
        if name == "string":
            values = [[b"a", "größe".encode()], [b"", b"\xff\x00"]]
        tensor = tf.constant(values, getattr(tf, name)) if name != "bool" else values
        if name == "bool":
            tensor = tf.constant([[True, False], [False, True]])
        proto = tf.make_tensor_proto(tensor.numpy())
        if not content and name != "string":
            from serving.wire.codec import to_array, to_proto

            ours = to_proto(to_array(proto), dtype=name, content=False)
            proto = proto.__class__.FromString(ours.SerializeToString())
        inputs[name] = proto
    answer = prediction.Predict(request_of("odd", "types", **inputs), timeout=10)
    for name in models.DTYPES:
        back = answer.outputs[f"{name}_out"]
        assert back.dtype == getattr(tf, name).as_datatype_enum
        np.testing.assert_array_equal(tf.make_ndarray(back), tf.make_ndarray(inputs[name]))


def test_strings_go_through_tables(prediction):
    words = np.array(["cat", "größe".encode(), b"none"], dtype=object)
    answer = prediction.Predict(request_of("text", inputs=words), timeout=10)
    assert tf.make_ndarray(answer.outputs["embedding"])[:, 0].tolist() == [1, 3, -1]
    assert list(answer.outputs["echo"].string_val) == [b"cat", "größe".encode(), b"none"]


def test_an_empty_batch_is_fine(prediction):
    answer = prediction.Predict(request_of(inputs=rows(0)), timeout=10)
    assert tf.make_ndarray(answer.outputs["embedding"]).shape == (0, models.BITS)


def test_a_declared_shape_is_not_checked_only_the_graph_is(prediction):
    """A scalar signature takes a vector: only an operation would refuse."""
    answer = prediction.Predict(request_of("odd", "scalar", x=np.float32([1, 2])), timeout=10)
    assert tf.make_ndarray(answer.outputs["y"]).tolist() == [2, 3]


def test_scalars_and_outputs_without_rows(prediction):
    answer = prediction.Predict(request_of("odd", "scalar", x=np.float32(1)), timeout=10)
    assert tf.make_ndarray(answer.outputs["y"]) == 2
    answer = prediction.Predict(request_of("odd", "total", x=np.float32([1, 2])), timeout=10)
    assert tf.make_ndarray(answer.outputs["sum"]) == 3


def test_large_requests_and_answers(prediction):
    many = np.ones((200_000, models.FEATURES), np.float32)
    answer = prediction.Predict(request_of(inputs=many), timeout=30)
    assert tf.make_ndarray(answer.outputs["embedding"]).shape == (200_000, models.BITS)


def test_the_default_client_limit_is_the_clients_own(target):
    many = np.ones((200_000, models.FEATURES), np.float32)
    with grpc.insecure_channel(target) as channel, pytest.raises(grpc.RpcError) as caught:
        prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(
            request_of(inputs=many), timeout=30
        )
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize(
    "path",
    [
        "/tensorflow.serving.PredictionService/Nope",
        "/tensorflow.serving.SessionService/SessionRun",
    ],
)
def test_unknown_methods(channel, path):
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(path)(b"", timeout=5)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_bytes_that_are_no_message(channel):
    call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
    with pytest.raises(grpc.RpcError) as caught:
        call(b"\xff\xff\xff", timeout=5)
    assert caught.value.code() is grpc.StatusCode.INTERNAL
