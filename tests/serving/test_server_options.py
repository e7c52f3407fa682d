"""REST, metrics, health, TLS, sockets, batching rules and configuration files."""

import base64
import http.client
import io
import json
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from email.message import Message

import grpc
import numpy as np
import pytest

import serving
from serving import TLS, Client
from serving.server import (
    BatchRules,
    EmbeddedServer,
    ModelConfig,
    ServerOptions,
    StatusError,
    load_batching,
    load_models_config,
    load_monitoring,
    load_tls,
)
from serving.server.http_body import BadBodyError, read_body
from serving.wire import messages
from tests.serving import models


@pytest.fixture(scope="module")
def rest(published):
    """A server with REST, metrics, health and a Unix socket."""
    configs = [ModelConfig(name, str(published / name)) for name in ("enc", "text", "odd")]
    options = ServerOptions(
        rest_api_port=0,
        metrics_path="/monitoring/prometheus/metrics",
        enable_grpc_healthcheck_service=True,
        grpc_socket_path=str(published / "socket"),
    )
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


def test_health_has_tf_servings_names(rest):
    with grpc.insecure_channel(rest.address) as channel:
        check = channel.unary_unary("/grpc.health.v1.Health/Check")
        for name in (b"", b"PredictionService", b"ModelService"):
            assert check(b"\n" + bytes([len(name)]) + name if name else b"") == b"\x08\x01"
        unknown = b"tensorflow.serving.PredictionService"
        with pytest.raises(grpc.RpcError) as caught:
            check(b"\n" + bytes([len(unknown)]) + unknown)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_health_is_watched_until_the_server_stops(published):
    options = ServerOptions(enable_grpc_healthcheck_service=True)
    up, down, no_such_service = b"\x08\x01", b"\x08\x02", b"\x08\x03"
    with (
        EmbeddedServer([ModelConfig("enc", str(published / "enc"))], options) as server,
        grpc.insecure_channel(server.address) as channel,
    ):
        watch = channel.unary_stream("/grpc.health.v1.Health/Watch")
        known, unknown, cancelled = watch(b""), watch(b"\n\x01?"), watch(b"")
        assert [next(told) for told in (known, unknown, cancelled)] == [up, no_such_service, up]
        cancelled.cancel()
        server.stop()
        assert list(known) == list(unknown) == [down]


def test_a_unix_socket_answers_too(rest):
    with Client(f"unix:{rest.options.grpc_socket_path}", "enc") as client:
        assert client.embed(np.ones((1, 8), np.float32)).shape == (1, models.BITS)


def test_answers_in_tensor_content_by_option(published):
    options = ServerOptions(enable_serialization_as_tensor_content=True)
    configs = [ModelConfig(name, str(published / name)) for name in ("enc", "text")]
    with EmbeddedServer(configs, options) as server:
        with Client(server.address, "enc") as client:
            assert client.hash_query(np.ones((3, 8), np.float32)).margin.shape == (3, models.BITS)
        with Client(server.address, "text") as client:
            assert client.predict("embed", inputs=["cat"])["echo"].tolist() == [b"cat"]


def certificate(folder, name, issuer=None):
    """Writes NAME.key and NAME.pem, signed by itself or by an issuer."""
    command = f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2\
 -subj /CN={name} -addext subjectAltName=DNS:localhost,IP:127.0.0.1\
 -keyout {folder}/{name}.key -out {folder}/{name}.pem"
    if issuer:
        command += f" -CA {folder}/{issuer}.pem -CAkey {folder}/{issuer}.key"
    subprocess.run(command.split(), check=True, capture_output=True)


def quoted(path):
    return path.read_text().replace("\n", "\\n")


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl to make certificates")
@pytest.mark.parametrize("mutual", [False, True])
def test_tls(published, tmp_path, mutual):
    certificate(tmp_path, "server")
    certificate(tmp_path, "client")
    config = tmp_path / "ssl.config"
    config.write_text(
        f'server_key: "{quoted(tmp_path / "server.key")}"\n'
        f'server_cert: "{quoted(tmp_path / "server.pem")}"\n'
        + f'custom_ca: "{quoted(tmp_path / "client.pem")}"\nclient_verify: true\n'
        * mutual
    )
    options = ServerOptions(credentials=load_tls(config))
    rows = np.ones((1, 8), np.float32)
    with EmbeddedServer([ModelConfig("enc", str(published / "enc"))], options) as server:
        whole = TLS(tmp_path / "server.pem", tmp_path / "client.pem", tmp_path / "client.key")
        with Client(server.address, "enc", tls=whole) as client:
            assert client.embed(rows).shape == (1, models.BITS)
        bare = TLS(tmp_path / "server.pem")
        with Client(server.address, "enc", tls=bare, retry=False, timeout=5) as client:
            if mutual:
                with pytest.raises(serving.ServerUnavailable):
                    client.embed(rows)
            else:
                client.embed(rows)
        with (
            Client(server.address, "enc", retry=False, timeout=5) as plain,
            pytest.raises(serving.ServerUnavailable),
        ):
            plain.embed(rows)


@pytest.fixture(scope="module")
def batching(published, tmp_path_factory):
    path = tmp_path_factory.mktemp("batching") / "batching.config"
    path.write_text(
        "max_batch_size { value: 4 } batch_timeout_micros { value: 1000 }"
        " max_enqueued_batches { value: 100 } num_batch_threads { value: 2 }"
        " allowed_batch_sizes: 2 allowed_batch_sizes: 4"
    )
    configs = [ModelConfig(name, str(published / name)) for name in ("enc", "odd")]
    with EmbeddedServer(configs, ServerOptions(batching=load_batching(path))) as server:
        yield server


def test_batching_pads_and_bounds(batching):
    with Client(batching.address, "enc") as client:
        rows = np.random.default_rng(0).normal(size=(3, 8)).astype(np.float32)
        np.testing.assert_allclose(client.embed(rows), rows @ models.weights() * 2, rtol=1e-4)
        with pytest.raises(
            serving.InvalidInput, match="Task size 5 is larger than maximum input batch size 4"
        ):
            client.embed(np.ones((5, 8), np.float32))
    with Client(batching.address, "odd") as client:
        with pytest.raises(serving.InvalidInput, match="at least one dimension"):
            client.predict("scalar", x=np.float32(1))
        with pytest.raises(serving.FailedPrecondition, match="0th dimension"):
            client.predict("total", x=np.float32([1, 2]))


def test_batching_splits_large_requests_when_told(published):
    rules = BatchRules(100, enable_large_batch_splitting=True, max_execution_batch_size=7)
    config = ModelConfig("enc", str(published / "enc"))
    rows = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32)
    with (
        EmbeddedServer([config], ServerOptions(batching=rules)) as server,
        Client(server.address, "enc") as client,
    ):
        np.testing.assert_allclose(
            client.embed(rows), rows @ models.weights() * 2, rtol=1e-4, atol=1e-4
        )


def test_batch_sizes_that_contradict_fail_the_load(published):
    options = ServerOptions(batching=BatchRules(4, allowed_batch_sizes=(1, 2)))
    config = ModelConfig("enc", str(published / "enc"))
    with pytest.raises(Exception, match="last entry was 2; expected 4"):
        EmbeddedServer([config], options).start()


def test_each_version_may_have_its_own_batching_parameters(published, tmp_path):
    for name in ("four", "free", "broken"):
        shutil.copytree(published / "enc" / "2", tmp_path / name / "1")
    (tmp_path / "four" / "1" / "batching_params.pbtxt").write_text("max_batch_size { value: 4 }")
    (tmp_path / "broken" / "1" / "batching_params.pbtxt").write_text("max_batch_size: 4")
    options = ServerOptions(
        batching=BatchRules(2), enable_per_model_batching_parameters=True, max_num_load_retries=0
    )
    configs = [ModelConfig(name, str(tmp_path / name)) for name in ("four", "free")]
    with EmbeddedServer(configs, options) as server:
        with Client(server.address, "four") as client:
            assert len(client.embed(np.ones((4, 8), np.float32))) == 4
            with pytest.raises(serving.InvalidInput, match="maximum input batch size 4"):
                client.embed(np.ones((5, 8), np.float32))
        with Client(server.address, "free") as client:
            assert len(client.embed(np.ones((500, 8), np.float32))) == 500
    broken = ModelConfig("broken", str(tmp_path / "broken"))
    with pytest.raises(StatusError, match="INVALID_ARGUMENT: Invalid protobuf file"):
        EmbeddedServer([broken], options).start()


@pytest.mark.parametrize("options", [{}, {"batching": BatchRules(64, 2000)}])
def test_one_bad_request_does_not_hurt_its_batch_mates(published, options):
    """Sixteen at once, one of which fails an assertion in the graph."""
    config = ModelConfig("odd", str(published / "odd"))
    with (
        EmbeddedServer([config], ServerOptions(**options)) as server,
        Client(server.address, "odd") as client,
    ):
        client.metadata()
        answers = {}

        def ask_one(number):
            value = -5.0 if number == 7 else float(number)
            try:
                answers[number] = client.predict("fragile", x=np.float32([value]))["y"][0]
            except serving.InvalidInput as error:
                answers[number] = error

        for _ in range(5):
            answers.clear()
            threads = [threading.Thread(target=ask_one, args=(n,)) for n in range(16)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert "below -1" in str(answers.pop(7))
            assert answers == {n: 2.0 * n for n in range(16) if n != 7}


@pytest.mark.parametrize(
    ("load", "text", "message"),
    [
        (load_models_config, "model_config_list { conf", "Invalid protobuf file"),
        (load_models_config, 'model_config_list {config {name: "d"}}', "model_platform"),
        (
            load_models_config,
            'model_config_list {config {name: "d" model_platform: "pytorch"}}',
            "unsupported platform pytorch",
        ),
        (load_batching, "max_batch_size: 3", "Invalid protobuf file"),
        (load_batching, "max_batch_size { value: 0 }", "max_batch_size must be positive; was 0"),
        (load_batching, "max_batch_size { value: -4 }", "must be positive; was -4"),
        (load_batching, "batch_timeout_micros { value: -1 }", "must be non-negative; was -1"),
        (load_tls, 'server_key: "x"', "server_cert"),
        (load_tls, 'server_key: "x" server_cert: "y"', "not the PEM texts of a private key"),
    ],
)
def test_configuration_files_that_are_wrong_say_so(tmp_path, load, text, message):
    path = tmp_path / "file"
    path.write_text(text)
    with pytest.raises(Exception, match=message):
        load(path)


def test_monitoring_files(tmp_path):
    path = tmp_path / "file"
    path.write_text('prometheus_config { enable: true, path: "/metrics" }')
    assert load_monitoring(path) == "/metrics"
    path.write_text("prometheus_config { enable: false }")
    assert load_monitoring(path) is None


def test_the_models_file_is_read_again(published, tmp_path):
    path = tmp_path / "models.config"
    entry = 'config {{ name: "{0}" base_path: "{1}/{0}" model_platform: "tensorflow" }}'

    def write(*names):
        entries = " ".join(entry.format(name, published) for name in names)
        path.write_text(f"model_config_list {{ {entries} }}")

    write("enc")
    options = ServerOptions(model_config_file=str(path), model_config_file_poll_wait_seconds=0.1)
    beside = ModelConfig("odd", str(published / "odd"))
    with EmbeddedServer([beside], options) as server:
        assert server.manager.summary() == {"enc": [2], "odd": [1]}
        threading.Event().wait(0.3)
        assert server.manager.summary() == {"enc": [2], "odd": [1]}
        write("enc", "text")
        with Client(server.address, "text") as client:
            client.wait_until_ready(10)
        path.write_text("broken {")
        threading.Event().wait(0.3)
        with Client(server.address, "text") as client:
            assert client.embed(["cat"])[0, 0] == 1
        assert server.manager.summary() == {"enc": [2], "odd": [1], "text": [1]}


def test_a_label_in_the_models_file_takes_once_its_version_is_there(published, tmp_path):
    path = tmp_path / "models.config"
    entry = (
        f'model_config_list {{ config {{ name: "enc" base_path: "{published}/enc"'
        ' model_platform: "tensorflow" %s }}'
    )
    path.write_text(entry % "")
    options = ServerOptions(model_config_file=str(path), model_config_file_poll_wait_seconds=0.1)
    with EmbeddedServer([], options) as server:
        labels = 'version_labels { key: "old" value: 1 }'
        path.write_text(entry % f"model_version_policy {{ all {{}} }} {labels}")
        threading.Event().wait(0.3)
        assert server.manager.summary() == {"enc": [2]}
        path.write_text(entry % "model_version_policy { all {} }")
        with Client(server.address, "enc", version=1) as client:
            client.wait_until_ready(10)
        path.write_text(entry % f"model_version_policy {{ all {{}} }} {labels}")
        with Client(server.address, "enc", label="old") as client:
            client.wait_until_ready(10)


@pytest.mark.parametrize("host", ["::1", "::"])
def test_ipv6(published, host):
    options = ServerOptions(host=host, rest_api_port=0)
    with EmbeddedServer([ModelConfig("text", str(published / "text"))], options) as server:
        assert server.address == f"[::1]:{server.port}"
        with Client(server.address, "text") as client:
            assert client.embed(["cat"])[0, 0] == 1
        with urllib.request.urlopen(f"http://[::1]:{server.rest_port}/v1/models/text") as answer:
            assert answer.status == 200


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


def test_grpc_takes_channel_arguments(published):
    """A name and a limit that gRPC itself knows; the limit is smaller than one row."""
    arguments = [("grpc.max_receive_message_length", 16), ("grpc.primary_user_agent", "here")]
    options = ServerOptions(grpc_channel_arguments=arguments)
    with (
        EmbeddedServer([ModelConfig("enc", str(published / "enc"))], options) as server,
        Client(server.address, "enc", retry=False) as client,
        pytest.raises(serving.Overloaded),
    ):
        client.embed(np.ones((1, 8), np.float32))


def test_reflection_lists_services_and_describes_messages(rest):
    from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
        ProtoReflectionDescriptorDatabase,
    )
    from grpc_reflection.v1alpha.reflection_pb2 import (
        ServerReflectionRequest,
        ServerReflectionResponse,
    )

    with grpc.insecure_channel(rest.address) as channel:
        told = ProtoReflectionDescriptorDatabase(channel)
        services = told.get_services()
        file = told.FindFileContainingSymbol("tensorflow.serving.PredictRequest")
        path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
        question = ServerReflectionRequest(list_services="").SerializeToString()
        (answer,) = channel.stream_stream(path)(iter([question]), timeout=20)
    assert "tensorflow.serving.PredictionService" in services
    assert file.name == "tensorflow_serving/apis/predict.proto"
    listed = ServerReflectionResponse.FromString(answer).list_services_response.service
    assert [service.name for service in listed] == list(services)
