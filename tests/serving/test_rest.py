"""The REST API and the metrics: answers, errors, bodies, clients that misbehave."""

import base64
import http.client
import io
import json
import socket
import threading
import time
from email.message import Message

import grpc
import numpy as np
import pytest

import serving
from serving import Client
from serving.server import EmbeddedServer, ModelConfig, ServerOptions
from serving.server.http_body import BadBodyError, read_body
from serving.wire import messages
from tests.serving import models


@pytest.fixture(scope="module")
def rest(published):
    """A server with REST and metrics."""
    configs = [ModelConfig(name, str(published / name)) for name in ("enc", "text", "odd")]
    options = ServerOptions(rest_api_port=0, metrics_path="/monitoring/prometheus/metrics")
    with EmbeddedServer(configs, options) as server:
        yield server


def ask(server, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=20)
    text = body if isinstance(body, str | bytes | None) else json.dumps(body)
    connection.request("GET" if body is None else "POST", path, text)
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, json.loads(data) if "json" in answer.headers["Content-Type"] else data


def test_rest_rows_and_columns(rest):
    rows = np.ones((2, models.FEATURES)).tolist()
    code, answer = ask(rest, "/v1/models/enc:predict", {"instances": rows})
    assert code == 200
    np.testing.assert_allclose(
        answer["predictions"], np.ones((2, 8)) @ models.weights() * 2, rtol=1e-4
    )
    named = {"signature_name": "hash_query", "instances": [{"inputs": row} for row in rows]}
    code, answer = ask(rest, "/v1/models/enc/versions/2:predict", named)
    assert (code, set(answer["predictions"][0])) == (200, {"code", "margin"})
    two = {"signature_name": "two", "inputs": {"a": [[1, 2.5]], "b": [[3, 4]]}}
    assert ask(rest, "/v1/models/odd:predict", two) == (
        200,
        {"outputs": {"logits": [[4.0, 6.5]], "score": [10.5]}},
    )
    scalar = {"signature_name": "scalar", "inputs": 3}
    assert ask(rest, "/v1/models/odd:predict", scalar) == (200, {"outputs": 4.0})


def test_rest_takes_bodies_in_chunks(rest):
    body = b'{"inputs": ' + json.dumps(np.ones((99, models.FEATURES)).tolist()).encode() + b"}"
    connection = http.client.HTTPConnection("127.0.0.1", rest.rest_port, timeout=20)
    for _ in range(2):  # on one connection
        chunks = iter([body[:5], body[5:2000], body[2000:]])
        connection.request("POST", "/v1/models/enc:predict", chunks)
        answer = connection.getresponse()
        assert (answer.status, len(json.loads(answer.read())["outputs"])) == (200, 99)
    connection.close()


CHUNKED = {"Transfer-Encoding": "chunked"}


@pytest.mark.parametrize(
    ("headers", "sent", "code"),
    [
        (CHUNKED, b"5\r\nhello!\r\n0\r\n\r\n", 400),
        (CHUNKED, b"5\r\nhello\r\n", 400),
        (CHUNKED, b"5\r\nhel", 400),
        (CHUNKED, b"-1\r\nhello\r\n0\r\n\r\n", 400),
        (CHUNKED, b"", 400),
        (CHUNKED, b"5\r\nhello\r\n2\r\n!!\r\n0\r\n\r\n", 413),
        (CHUNKED, b"ffffffff\r\n", 413),
        ({"Transfer-Encoding": "gzip, chunked"}, b"", 501),
        ({"Content-Length": "7"}, b"hello!!", 413),
        ({"Content-Length": "-1"}, b"hello!", 411),
        ({"Content-Length": "\xb2"}, b"hello!", 411),
        ({}, b"", 411),
    ],
)
def test_bodies_of_no_length_or_too_large_are_not_read(headers, sent, code):
    with pytest.raises(BadBodyError) as caught:
        read_body(message(headers), io.BytesIO(sent), 6)
    assert caught.value.code == code


def test_bodies_are_read_as_they_are_told():
    chunks = b"5;a=b\r\nhello\r\n1 \r\n!\r\n0\r\nx: y\r\n\r\nPOST"
    file = io.BytesIO(chunks)
    assert read_body(message(CHUNKED), file, 6) == b"hello!"
    assert file.read() == b"POST"
    assert read_body(message({"Content-Length": "6"}), io.BytesIO(b"hello!POST"), 6) == b"hello!"


def message(headers):
    made = Message()
    for name, value in headers.items():
        made[name] = value
    return made


def test_rest_strings_and_base64(rest):
    encoded = base64.b64encode("größe".encode()).decode()
    body = {"instances": ["cat", {"b64": encoded}]}
    code, answer = ask(rest, "/v1/models/text:predict", body)
    assert code == 200
    assert [row["echo"] for row in answer["predictions"]] == ["cat", "größe"]
    assert [row["embedding"][0] for row in answer["predictions"]] == [1.0, 3.0]


def test_rest_classify_and_regress(rest):
    examples = {"signature_name": "classes", "examples": [{"x": 0.1}, {"x": [1.0]}]}
    assert ask(rest, "/v1/models/odd:classify", examples) == (
        200,
        {"results": [[["small", 0.9], ["large", 0.1]], [["small", 0.0], ["large", 1.0]]]},
    )
    whole = {"signature_name": "values", "context": {"x": 0.2}, "examples": [{}, {"x": 4.5}]}
    assert ask(rest, "/v1/models/odd/versions/1:regress", whole) == (200, {"results": [0.4, 9.0]})


def test_rest_status_and_metadata(rest):
    assert ask(rest, "/v1/models/enc") == (
        200,
        {
            "model_version_status": [
                {
                    "version": "2",
                    "state": "AVAILABLE",
                    "status": {"error_code": "OK", "error_message": ""},
                }
            ]
        },
    )
    code, answer = ask(rest, "/v1/models/enc/metadata")
    assert code == 200
    assert answer["model_spec"] == {"name": "enc", "signature_name": "", "version": "2"}
    inputs = answer["metadata"]["signature_def"]["signature_def"]["embed"]["inputs"]["inputs"]
    assert inputs["dtype"] == "DT_FLOAT"
    assert [dim["size"] for dim in inputs["tensor_shape"]["dim"]] == ["-1", "8"]


@pytest.mark.parametrize(
    ("path", "body", "code", "message"),
    [
        ("/v1/models/nope:predict", {"instances": [1]}, 404, "Servable not found for request"),
        ("/v1/models/nope", None, 404, "Could not find any versions of model nope"),
        ("/v1/models/enc/versions/9:predict", {"instances": [1]}, 404, "Specific(enc, 9)"),
        ("/v1/models/enc/labels/x:predict", {"instances": [1]}, 400, "version label: x"),
        (
            "/v1/models/enc:predict",
            {"signature_name": "zz", "instances": [1]},
            400,
            'Serving signature name: "zz" not found in signature def',
        ),
        ("/v1/models/enc:predict", {}, 400, "Missing 'inputs' or 'instances' key"),
        (
            "/v1/models/enc:predict",
            {"inputs": 1, "instances": [1]},
            400,
            "expecting only one of 'inputs' or 'instances' keys to exist ",
        ),
        (
            "/v1/models/odd:predict",
            {"signature_name": "two", "instances": [{"a": [1, 2]}]},
            400,
            "keys must be equal to: a,b",
        ),
        ("/v1/models/enc:predict", "{", 400, "JSON Parse error"),
        ("/v1/models/enc:predict", "[" * 100_000, 400, "JSON"),
        ("/v1/models/enc:predict", b"\xff", 400, "JSON"),
        ("/v1/models/enc:predict", {"instances": [["a"] * 8]}, 400, "expected type: float32"),
        ("/v1/models/enc:predict", {"instances": [[1] * 8, [1]]}, 400, "same shape"),
        ("/v1/models/enc:predict", {"instances": [[1] * 3]}, 400, "Matrix size-incompatible"),
        ("/v1/models/text:predict", {"instances": [{"b64": "?"}]}, 400, "base64"),
        ("/v1/nonsense", None, 400, "Malformed request: GET /v1/nonsense"),
        ("/v1/models/enc:classify", {"examples": []}, 400, "is an empty array"),
        ("/v1/models/enc:regress", {"examples": {}}, 400, "to be an list/array"),
        ("/v1/models/enc:regress", {}, 400, "key 'examples' is expected"),
        ("/v1/models/odd:classify", {"examples": [3]}, 400, "must be JSON object but got JSON Num"),
        ("/v1/models/odd:classify", {"examples": [{"x": [1, 2.5]}]}, 400, "expecting type: int64"),
        ("/v1/models/odd:classify", {"examples": [{"x": None}]}, 400, "JSON type: Null"),
        ("/v1/models/odd:classify", {"examples": [{"x": 1 << 63}]}, 400, "Only int64"),
        ("/v1/models/odd:classify", {"examples": [{"x": {"b64": "?"}}]}, 400, "base64"),
        ("/v1/models/nope:regress", {"examples": [{"x": 1.0}]}, 404, "Servable not found"),
        (
            "/v1/models/enc:classify",
            {"examples": [{"x": 1.0}]},
            400,
            "Expected classification signature outputs",
        ),
    ],
)
def test_rest_errors(rest, path, body, code, message):
    status, answer = ask(rest, path, body)
    assert status == code
    assert message in answer["error"]


def test_a_client_that_sends_nothing_holds_nobody_up(rest):
    with socket.create_connection(("127.0.0.1", rest.rest_port)) as idle:
        idle.sendall(b"POST /v1/models/enc:predict HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
        assert ask(rest, "/v1/models/enc")[0] == 200


def test_metrics_have_tf_servings_names(rest):
    with Client(rest.address, "odd") as client:
        client.predict("two", a=[[1.0, 2.0]], b=[[3, 4]])
        with pytest.raises(serving.InvalidInput):
            client.predict("fragile", x=np.float32([-5]))
    text = ask(rest, "/monitoring/prometheus/metrics")[1].decode()
    assert ':tensorflow:serving:request_count{model_name="odd",status="OK"}' in text
    assert ':tensorflow:serving:request_count{model_name="odd",status="INVALID_ARGUMENT"} 1' in text
    labels = 'model_name="odd",API="Predict",entrypoint="GRPC"'
    assert f":tensorflow:serving:request_latency_sum{{{labels}}}" in text
    assert f':tensorflow:serving:request_latency_bucket{{{labels},le="+Inf"}}' in text


@pytest.mark.parametrize("verb", ["PUT", "DELETE", "HEAD"])
def test_rest_refuses_other_verbs_as_json(rest, verb):
    connection = http.client.HTTPConnection("127.0.0.1", rest.rest_port, timeout=20)
    connection.request(verb, "/v1/models/odd")
    answer = connection.getresponse()
    assert answer.status == 501
    data = answer.read()
    assert data == b"" if verb == "HEAD" else "Unsupported method" in json.loads(data)["error"]


def test_a_client_that_breaks_off_leaves_no_traceback(rest, capfd):
    with socket.create_connection(("127.0.0.1", rest.rest_port)) as client:
        client.sendall(b"POST /v1/models/odd:predict HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
        # What is unsent goes away with the connection: the server reads a reset.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert ask(rest, "/v1/models/odd")[0] == 200
    assert "Traceback" not in capfd.readouterr().err


def test_a_rest_request_in_flight_is_answered_before_the_end(published):
    config = ModelConfig("odd", str(published / "odd"), every=True)
    server = EmbeddedServer([config], ServerOptions(rest_api_port=0)).start()
    answers = []
    body = {"signature_name": "slow", "instances": [100]}
    asking = threading.Thread(
        target=lambda: answers.append(ask(server, "/v1/models/odd:predict", body))
    )
    asking.start()
    time.sleep(0.3)  # it is on its way, and takes longer
    server.stop()
    asking.join()
    assert answers == [(200, {"predictions": [100.0]})]


def test_names_of_no_model_do_not_pile_up_in_the_metrics(rest):
    with grpc.insecure_channel(rest.address) as channel:
        predict = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
        for number in range(3):
            spec = messages.ModelSpec(name=f"unknown{number}")
            with pytest.raises(grpc.RpcError, match="NOT_FOUND"):
                predict(messages.PredictRequest(model_spec=spec).SerializeToString())
    text = rest.metrics.render()
    assert "unknown" not in text
    assert ':tensorflow:serving:request_count{model_name="",status="NOT_FOUND"}' in text


@pytest.mark.parametrize("value", ["1e39", "-1e300"])
def test_rest_refuses_numbers_out_of_range(rest, value):
    body = f'{{"signature_name": "fragile", "instances": [{value}]}}'.encode()
    code, answer = ask(rest, "/v1/models/odd:predict", body)
    assert code == 400
    assert "out of the range of float32" in answer["error"]


def test_rest_writes_the_shortest_digits_of_a_float32(rest):
    body = {"signature_name": "", "inputs": {"a": [[0.1, 3e-5]], "b": [[0, 0]]}}
    code, answer = ask(rest, "/v1/models/odd:predict", body)
    assert (code, answer["outputs"]["logits"]) == (200, [[0.1, 3e-5]])


def test_a_rest_port_in_use_is_named(published):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = EmbeddedServer(
            [ModelConfig("text", str(published / "text"))], ServerOptions(rest_api_port=port)
        )
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1 port {port} for REST"):
            server.start()


def test_rest_lets_pages_of_other_sites_in_only_when_told(published, rest):
    def asked(port, verb, path):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request(verb, path)
        with connection.getresponse() as answer:
            return answer.status, answer.headers["Access-Control-Allow-Origin"]

    options = ServerOptions(rest_api_port=0, rest_api_enable_cors_support=True)
    with EmbeddedServer([ModelConfig("text", str(published / "text"))], options) as server:
        assert asked(server.rest_port, "OPTIONS", "/v1/models/text:predict") == (200, "*")
        assert asked(server.rest_port, "GET", "/v1/models/text") == (200, "*")
        assert asked(server.rest_port, "GET", "/v1/models/nope") == (404, "*")
    assert asked(rest.rest_port, "OPTIONS", "/v1/models/text:predict") == (501, None)
    assert asked(rest.rest_port, "GET", "/v1/models/text") == (200, None)


def test_a_rest_answer_takes_no_longer_than_told(published):
    options = ServerOptions(rest_api_port=0, rest_api_timeout_in_ms=50)
    with EmbeddedServer([ModelConfig("odd", str(published / "odd"))], options) as server:
        slow = {"signature_name": "slow", "inputs": [60]}
        code, answer = ask(server, "/v1/models/odd:predict", slow)
    assert (code, answer["error"]) == (504, "Timed out")
