"""The REST API of the embedded server: bodies, limits, clients that misbehave."""

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

from serving.server import EmbeddedServer, ModelConfig, ServerOptions
from serving.server.http_body import BadBodyError, read_body
from serving.wire import messages
from tests.serving import models, rest_client


@pytest.fixture(scope="module")
def rest(published):
    """A server with REST and metrics."""
    configs = [ModelConfig(name, str(published / name)) for name in ("enc", "text", "odd")]
    options = ServerOptions(rest_api_port=0, metrics_path="/monitoring/prometheus/metrics")
    with EmbeddedServer(configs, options) as server:
        yield server


def ask(server, path, body=None):
    return rest_client.ask(f"127.0.0.1:{server.rest_port}", path, body)


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


@pytest.mark.parametrize(
    "body", ["[" * 100_000, b"\xff", '{"instances": ' + "[" * 70 + "]" * 70 + "}"]
)
def test_bodies_that_json_or_numpy_cannot_hold(rest, body):
    status, answer = ask(rest, "/v1/models/enc:predict", body)
    assert (status, list(answer)) == (400, ["error"])


def test_paths_outside_of_the_api(rest):
    assert ask(rest, "/nonsense")[0] == 404


def test_a_client_that_sends_nothing_holds_nobody_up(rest):
    with socket.create_connection(("127.0.0.1", rest.rest_port)) as idle:
        idle.sendall(b"POST /v1/models/enc:predict HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
        assert ask(rest, "/v1/models/enc")[0] == 200


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
