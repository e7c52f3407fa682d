"""Health, TLS, sockets, addresses, reflection and configuration files."""

import json
import threading
import urllib.request

import grpc
import numpy as np
import pytest

import serving
from serving import TLS, Client
from serving.server import (
    EmbeddedServer,
    ModelConfig,
    ServerOptions,
    load_batching,
    load_models_config,
    load_monitoring,
    load_tls,
)
from tests.serving import models


@pytest.fixture(scope="module")
def running(published):
    """A server with health and a Unix socket."""
    options = ServerOptions(
        enable_grpc_healthcheck_service=True, grpc_socket_path=str(published / "socket")
    )
    with EmbeddedServer([ModelConfig("enc", str(published / "enc"))], options) as server:
        yield server


def test_health_has_tf_servings_names(running):
    with grpc.insecure_channel(running.address) as channel:
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


def test_a_unix_socket_answers_too(running):
    with Client(f"unix:{running.options.grpc_socket_path}", "enc") as client:
        assert client.embed(np.ones((1, 8), np.float32)).shape == (1, models.BITS)


def test_answers_in_tensor_content_by_option(published):
    options = ServerOptions(enable_serialization_as_tensor_content=True)
    configs = [ModelConfig(name, str(published / name)) for name in ("enc", "text")]
    with EmbeddedServer(configs, options) as server:
        with Client(server.address, "enc") as client:
            assert client.hash_query(np.ones((3, 8), np.float32)).margin.shape == (3, models.BITS)
        with Client(server.address, "text") as client:
            assert client.predict("embed", inputs=["cat"])["echo"].tolist() == [b"cat"]


@pytest.mark.parametrize("mutual", [False, True])
def test_tls(published, tmp_path, pem, mutual):
    texts = {"server_key": "server.key", "server_cert": "server.pem"}
    if mutual:
        texts["custom_ca"] = "client.pem"
    lines = [f"{name}: {json.dumps((pem / file).read_text())}" for name, file in texts.items()]
    config = tmp_path / "ssl.config"
    config.write_text("\n".join([*lines, f"client_verify: {str(mutual).lower()}"]))
    options = ServerOptions(credentials=load_tls(config))
    rows = np.ones((1, 8), np.float32)
    with EmbeddedServer([ModelConfig("enc", str(published / "enc"))], options) as server:
        where = f"localhost:{server.port}"
        whole = TLS(pem / "server.pem", pem / "client.pem", pem / "client.key")
        with Client(where, "enc", tls=whole) as client:
            assert client.embed(rows).shape == (1, models.BITS)
        bare = TLS(pem / "server.pem")
        with Client(where, "enc", tls=bare, retry=False, timeout=5) as client:
            if mutual:
                with pytest.raises(serving.ServerUnavailable):
                    client.embed(rows)
            else:
                client.embed(rows)
        with (
            Client(where, "enc", retry=False, timeout=5) as plain,
            pytest.raises(serving.ServerUnavailable),
        ):
            plain.embed(rows)


@pytest.mark.parametrize(
    ("load", "text", "message"),
    [
        (load_models_config, "model_config_list { conf", "Invalid protobuf file"),
        (load_models_config, "", "holds no model_config_list"),
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
            client.wait_until_ready(60)
        for broken in ("", "broken {"):
            path.write_text(broken)
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
            client.wait_until_ready(60)
        path.write_text(entry % f"model_version_policy {{ all {{}} }} {labels}")
        with Client(server.address, "enc", label="old") as client:
            client.wait_until_ready(60)


@pytest.mark.parametrize("host", ["::1", "::"])
def test_ipv6(published, host):
    options = ServerOptions(host=host, rest_api_port=0)
    with EmbeddedServer([ModelConfig("text", str(published / "text"))], options) as server:
        assert server.address == f"[::1]:{server.port}"
        with Client(server.address, "text") as client:
            assert client.embed(["cat"])[0, 0] == 1
        with urllib.request.urlopen(f"http://[::1]:{server.rest_port}/v1/models/text") as answer:
            assert answer.status == 200


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


def test_reflection_lists_services_and_describes_messages(running):
    from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
        ProtoReflectionDescriptorDatabase,
    )
    from grpc_reflection.v1alpha.reflection_pb2 import (
        ServerReflectionRequest,
        ServerReflectionResponse,
    )

    with grpc.insecure_channel(running.address) as channel:
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
