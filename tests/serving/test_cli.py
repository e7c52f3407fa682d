"""The command line, with a real server in its own process."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import numpy as np
import pytest
from click.testing import CliRunner
from google.protobuf import text_format

from serving import TLS, Client, InvalidInput
from serving.cli import main
from serving.wire.messages import ModelServerConfig
from tests.serving import models


def run(*args):
    return CliRunner().invoke(main, [str(arg) for arg in args])


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "rows.npy"
    np.save(path, np.random.default_rng(3).normal(size=(20, models.FEATURES)).astype(np.float32))
    return path


def start(*args):
    command = [sys.executable, "-m", "serving", "up", *map(str, args)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=os.getcwd()
    )


def test_up_says_where_it_listens_and_stops_on_sigterm(published, rows, tmp_path):
    process = start(published, "--port", 0, "--json")
    try:
        ready = json.loads(process.stdout.readline())
        assert ready["event"] == "ready"
        assert ready["models"]["enc"] == [2]
        where = ("--server", f"127.0.0.1:{ready['port']}")
        assert json.loads(run("status", "enc", "--json", *where).output)["versions"] == [
            {"version": 2, "state": "AVAILABLE", "error": ""}
        ]
        code = run("hash", "enc", rows, "--out", tmp_path / "codes.npy", *where)
        assert code.exit_code == 0, code.output
        example = [sys.executable, "examples/grpc_stub_client.py", where[1], "enc"]
        np.save(tmp_path / "one.npy", np.load(rows)[0])
        bare = subprocess.run(
            [*example, str(tmp_path / "one.npy")], capture_output=True, text=True, check=True
        )
        assert bytes.fromhex(bare.stdout) == np.load(tmp_path / "codes.npy")[0].tobytes()
        taken = start(published, "--port", ready["port"])
        _, error = taken.communicate(timeout=60)
        assert taken.returncode == 1
        assert error.startswith("Error: cannot listen on 127.0.0.1")
        assert error.count("\n") == 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
        assert process.stderr.read() == ""
    finally:
        process.kill()
        process.communicate()


def test_a_command_line_of_tf_serving_moves_over_unchanged(published, tmp_path):
    batching, monitoring = tmp_path / "batching.config", tmp_path / "monitoring.config"
    batching.write_text("max_batch_size { value: 4 }")
    monitoring.write_text("prometheus_config { enable: true }")
    with socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        rest = probe.getsockname()[1]
    process = start(
        "--port=0",
        "--host=::1",
        f"--rest_api_port={rest}",
        "--model_name=named",
        f"--model_base_path={published / 'enc'}",
        "--enable_batching",
        f"--batching_parameters_file={batching}",
        f"--monitoring_config_file={monitoring}",
        "--enable_model_warmup=false",
        "--grpc_max_threads=32",
        "--tensorflow_session_parallelism=2",
        "--file_system_poll_wait_seconds=0",
        "--structured_logs",
        "--json",
    )
    try:
        ready = json.loads(process.stdout.readline())
        assert (ready["models"], ready["rest_port"]) == ({"named": [2]}, rest)
        with (
            Client(f"[::1]:{ready['port']}", "named") as client,
            pytest.raises(InvalidInput, match="maximum input batch size 4"),
        ):
            client.embed(np.ones((5, models.FEATURES), np.float32))
        with urllib.request.urlopen(f"http://[::1]:{rest}/v1/models/named") as answer:
            assert b"AVAILABLE" in answer.read()
        metrics = f"http://[::1]:{rest}/monitoring/prometheus/metrics"
        with urllib.request.urlopen(metrics) as answer:
            assert b':tensorflow:serving:request_count{model_name="named"' in answer.read()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
        logged = [json.loads(line) for line in process.stderr.read().splitlines()]
        assert any("loaded named version 2" in line["message"] for line in logged)
    finally:
        process.kill()
        process.communicate()


def test_codes_are_indexed_and_searched(server, rows, tmp_path):
    where = ("--server", server.address)
    codes, index = tmp_path / "codes.npy", tmp_path / "index"
    assert run("hash", "enc", rows, "--out", codes, *where).exit_code == 0
    built = run("index", "build", index, codes, "--bits", models.BITS, "--json")
    assert json.loads(built.output)["codes"] == 20
    found = run("search", "enc", index, rows, "-k", 3, "--json", *where)
    answers = json.loads(found.output)
    assert len(answers) == 20
    assert all(len(answer["ids"]) == 3 and answer["distances"][0] == 0 for answer in answers)
    near = json.loads(run("search", "enc", index, rows, "--radius", 0, "--json", *where).output)
    assert all(query in answer["ids"] for query, answer in enumerate(near))
    assert run("search", "enc", index, rows, *where).exit_code == 0
    np.save(tmp_path / "ids.npy", np.arange(20, 40))
    assert run("index", "add", index, codes, "--ids", tmp_path / "ids.npy").exit_code == 0
    assert json.loads(run("index", "compact", index, "--json").output)["codes"] == 40
    assert json.loads(run("index", "info", index, "--json").output)["bits"] == models.BITS
    again = run("index", "build", index, codes)
    assert again.exit_code == 2
    assert "exists already" in again.output


def test_a_server_that_is_not_there_is_one_line(rows, tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    where = ("--server", f"127.0.0.1:{port}", "--timeout", 2)
    result = run("embed", "enc", rows, "--out", tmp_path / "e.npy", *where)
    assert result.exit_code == 1
    assert f"no server answers at 127.0.0.1:{port}" in result.output
    assert not (tmp_path / "e.npy").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("absent.npy", None, "no such file"),
        ("broken.npz", b"PK nonsense", "not a NumPy file"),
        ("a.csv", b"1,2", "must be .npy"),
        ("narrow.npy", np.zeros((2, 5), np.float32), "shape [2, 5]; the model wants"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(server, tmp_path, name, content, message):
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        np.save(path, content)
    result = run("embed", "enc", path, "--out", tmp_path / "e.npy", "--server", server.address)
    assert result.exit_code == 2
    assert message in result.output
    assert result.output.count("\n") == 1


def test_several_arrays_want_a_key(server, rows, tmp_path):
    array = np.load(rows)
    np.savez(tmp_path / "two.npz", x=array, y=array[:3])
    args = ("embed", "enc", tmp_path / "two.npz", "--out", tmp_path / "e.npy")
    result = run(*args, "--server", server.address)
    assert result.exit_code == 2
    assert "holds x, y; choose one with --key" in result.output
    assert run(*args, "--server", server.address, "--key", "y").exit_code == 0
    assert np.load(tmp_path / "e.npy").shape == (3, models.BITS)


@pytest.mark.parametrize(
    ("out", "message"), [("codes.txt", "is named NAME.npy"), ("absent/c.npy", "no folder .*absent")]
)
def test_where_an_array_cannot_go_is_told_before_the_work(out, message, rows, tmp_path):
    result = run("hash", "enc", rows, "--out", tmp_path / out, "--server", "localhost:1")
    assert result.exit_code == 2
    assert re.search(message, result.output)


def test_a_model_path_without_versions_is_one_line(tmp_path):
    result = run("up", tmp_path)
    assert result.exit_code == 2
    assert "has no version; it must hold NAME/VERSION/" in result.output
    assert run("up", tmp_path / "absent").exit_code == 2
    assert run("up", "--port=0").exit_code == 2


# A stand-in for the real binary: it refuses the forms of flags that the real one refuses, keeps
# its command line in ARGS and its models in MODELS, and lets the embedded server answer.
STAND_IN = f"""#!{sys.executable}
import os, pathlib, sys

KINDS = dict(
    port=int, rest_api_port=int, rest_api_timeout_in_ms=int, model_name=str, model_base_path=str,
    model_config_file=str, model_config_file_poll_wait_seconds=int, enable_batching=bool,
    file_system_poll_wait_seconds=int, max_num_load_retries=int, ssl_config_file=str,
    load_retry_interval_micros=int, per_process_gpu_memory_fraction=float, grpc_max_threads=int,
)
pathlib.Path(__file__).with_name("ARGS").write_text("\\n".join(sys.argv[1:]))
given = dict()
for argument in sys.argv[1:]:
    name, sign, value = argument.removeprefix("--").partition("=")
    kind = KINDS.get(name)
    if not argument.startswith("--") or kind is None or not (sign or kind is bool):
        sys.exit("unknown argument: " + argument)
    if kind is bool and value not in ("", "true", "false"):
        sys.exit("Couldn't interpret value " + argument)
    if kind is not bool:
        kind(value)
    given[name] = value
if ("model_base_path" in given) == ("model_config_file" in given) or given["port"] == "0":
    sys.exit("usage")
if given.get("rest_api_port", "0").startswith("-"):
    sys.exit("bad port")
if "model_config_file" in given:
    models = pathlib.Path(given["model_config_file"]).read_text()
    pathlib.Path(__file__).with_name("MODELS").write_text(models)
if "HANGS_ON" in os.environ:
    open(os.environ["HANGS_ON"]).read()
if "ENDS" in os.environ:
    sys.exit(3)
os.execv(sys.executable, [sys.executable, "-m", "serving", "up", *sys.argv[1:]])
"""


@pytest.fixture
def real(tmp_path):
    """Starts `up` with a stand-in for the real binary on PATH, whose ARGS it keeps there."""
    binary = tmp_path / "tensorflow_model_server"
    binary.write_text(STAND_IN)
    binary.chmod(0o755)
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    started = []

    def start_with(*args, **environment):
        command = [sys.executable, "-m", "serving", "up", "--engine=auto", "--json"]
        process = subprocess.Popen(
            [*command, *map(str, args)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | path | environment,
        )
        started.append(process)
        return process

    yield start_with
    for process in started:
        if process.poll() is None:
            process.terminate()
        process.communicate()


def models_config(path, *models):
    entries = " ".join(
        f'config {{ name: "{name}" base_path: "{base}" model_platform: "tensorflow" }}'
        for name, base in models
    )
    path.write_text(f"model_config_list {{ {entries} }}")
    return path


def test_a_real_server_is_used_where_there_is_one(published, tmp_path, real):
    process = real(published, "--port=0", ENDS="at once")
    _, error = process.communicate()
    assert (process.returncode, "ended with exit code 3" in error) == (1, True), error
    arguments = (tmp_path / "ARGS").read_text().splitlines()
    assert [a.partition("=")[0] for a in arguments] == ["--port", "--model_config_file"]
    config = text_format.Parse((tmp_path / "MODELS").read_text(), ModelServerConfig())
    assert {m.name: m.base_path for m in config.model_config_list.config} == {
        name: str(published / name) for name in ("enc", "odd", "text")
    }


def test_a_real_server_takes_a_models_file_and_flags_in_its_own_forms(published, tmp_path, real):
    config = models_config(tmp_path / "models.config", ("one", published / "enc"))
    process = real(
        "--port=0",
        f"--model_config_file={config}",
        "--rest_api_port=-1",
        "--file_system_poll_wait_seconds=2",
        "--model_config_file_poll_wait_seconds=1.0",
        "--enable_batching",
        "--per_process_gpu_memory_fraction=0.5",
    )
    ready = json.loads(process.stdout.readline())
    assert ready["models"] == {"one": [2]}
    assert ready["pid"] != process.pid
    where = ("--server", f"127.0.0.1:{ready['port']}")
    assert run("status", "one", *where).exit_code == 0
    with urllib.request.urlopen(f"http://127.0.0.1:{ready['rest_port']}/v1/models/one") as answer:
        assert b"AVAILABLE" in answer.read()
    assert set((tmp_path / "ARGS").read_text().splitlines()) == {
        f"--port={ready['port']}",
        f"--model_config_file={config}",
        f"--rest_api_port={ready['rest_port']}",
        "--file_system_poll_wait_seconds=2",
        "--model_config_file_poll_wait_seconds=1",
        "--enable_batching=true",
        "--per_process_gpu_memory_fraction=0.5",
    }
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0
    assert run("status", "one", "--timeout", 2, *where).exit_code == 1


def test_a_real_server_with_tls_is_not_asked_for_its_versions(published, tmp_path, real, pem):
    config = tmp_path / "ssl.config"
    texts = {"server_key": "server.key", "server_cert": "server.pem", "custom_ca": "client.pem"}
    lines = [f"{name}: {json.dumps((pem / file).read_text())}" for name, file in texts.items()]
    config.write_text("\n".join([*lines, "client_verify: true"]))
    process = real(published / "enc", "--port=0", f"--ssl_config_file={config}")
    ready = json.loads(process.stdout.readline())
    assert ready["models"] == {"enc": []}
    arguments = (tmp_path / "ARGS").read_text().splitlines()
    assert arguments[:2] == [f"--port={ready['port']}", f"--ssl_config_file={config}"]
    tls = TLS(pem / "server.pem", pem / "client.pem", pem / "client.key")
    with Client(f"localhost:{ready['port']}", "enc", tls=tls) as client:
        assert client.version() == 2


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["--file_system_poll_wait_seconds=0.5"], 2, "takes whole seconds"),
        (["--host=127.0.0.1"], 2, "listens on all addresses"),
        (["--model_base_path=/m"], 2, "one of them"),
        (["--grpc_channel_arguments=a=1"], 1, "tensorflow_model_server ended with exit code 1"),
    ],
)
def test_what_a_real_server_does_not_take_is_told(published, real, args, code, message):
    process = real(published, "--port=0", *args)
    _, error = process.communicate()
    assert (process.returncode, message in " ".join(error.split())) == (code, True), error


@pytest.mark.parametrize(
    ("engine", "number", "code"),
    [
        ("embedded", signal.SIGINT, 130),
        ("auto", signal.SIGTERM, 0),
        ("auto", signal.SIGINT, 130),
    ],
)
def test_a_start_that_hangs_ends_at_once_when_told(published, tmp_path, real, engine, number, code):
    """What it reads while it starts is a pipe, a model's warm-up file: who reads it waits."""
    version = tmp_path / "enc" / "1"
    shutil.copytree(published / "enc" / "2", version)
    (version / "assets.extra").mkdir()
    pipe = version / "assets.extra" / "tf_serving_warmup_requests"
    os.mkfifo(pipe)
    hangs = {"HANGS_ON": str(pipe)} if engine == "auto" else {}
    process = real(tmp_path / "enc", "--port=0", f"--engine={engine}", **hangs)
    writer = None
    while writer is None:
        assert process.poll() is None
        try:
            writer = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # nobody reads yet
            time.sleep(0.05)
    process.send_signal(number)
    assert process.wait() == code
    os.close(writer)
    assert process.stdout.read() == ""


def test_while_the_embedded_server_starts_a_sigterm_is_no_failure():
    program = "import os, signal\nfrom serving.interrupts import exit_at_once, on_interrupt\n"
    program += "with on_interrupt(exit_at_once):\n    os.kill(os.getpid(), signal.SIGTERM)\n"
    program += "    os._exit(7)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_a_real_server_that_is_missing_is_told(published, monkeypatch):
    monkeypatch.setenv("PATH", "")
    result = run("up", published, "--engine", "tensorflow_model_server")
    assert result.exit_code == 1
    assert "no tensorflow_model_server on PATH" in result.output


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--tensorflow_intra_op_parallelism=-1"], "must be 0 or more. Received: -1"),
        (
            ["--tensorflow_session_parallelism=2", "--tensorflow_inter_op_parallelism=1"],
            "or the two of intra_op and inter_op",
        ),
        (["--engine=onnxruntime"], "--engine onnxruntime needs onnxruntime"),
    ],
)
def test_threads_and_engines_that_can_not_be_are_told(published, monkeypatch, flags, message):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    result = run("up", published, "--port=0", *flags)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())


UNUSED = (
    *("--enable_profiler", "--enable_signature_method_name_check=true", "--grpc_max_threads=9"),
    *("--flush_filesystem_caches=false", "--num_unload_threads=2", "--rest_api_num_threads=4"),
    *("--per_process_gpu_memory_fraction=0.5", "--remove_unused_fields_from_bundle_metagraph"),
    *("--thread_pool_factory_config_file=x", "--xla_cpu_compilation_enabled=true"),
)
HARMLESS = (
    *("--use_alts_credentials=false", "--prefer_tflite_model=false", "--mixed_precision="),
    *("--num_load_threads=2", "--num_request_iterations_for_warmup=2"),
    *("--rest_api_timeout_in_ms=500", "--rest_api_enable_cors_support"),
    "--grpc_channel_arguments=grpc.primary_user_agent=here,grpc.max_connection_age_ms=100000",
)


def test_flags_of_tf_serving_are_taken_and_those_without_use_told(published):
    process = start(published / "text", "--port=0", "--host=[::1]", *UNUSED, *HARMLESS)
    try:
        where = process.stdout.readline().split()[1]
        assert where.startswith("[::1]:")
        assert run("status", "text", "--server", where).exit_code == 0
    finally:
        process.terminate()
        _, told = process.communicate()
    assert process.returncode == 0
    assert told.startswith("warning: the embedded server does not use --")
    assert told.count("\n") == 1
    assert all(flag.partition("=")[0] in told for flag in UNUSED)
    assert not any(flag.partition("=")[0] in told for flag in HARMLESS)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("--use_alts_credentials", "give certificates as --ssl_config_file"),
        ("--platform_config_file=x", "give what is in it as flags"),
        ("--mixed_precision=bfloat16", "has no --mixed_precision"),
        ("--tensorflow_session_config_file=x", "--tensorflow_intra_op_parallelism"),
        ("--prefer_tflite_model", "it loads SavedModels only"),
        ("--grpc_channel_arguments=a", "must be key=value"),
        ("--rest_api_port=99999", "99999 is not in the range"),
        ("--max_num_load_retries=-1", "-1 is not in the range"),
        ("--port=8500 --rest_api_port=8500", "must differ"),
    ],
)
def test_flags_that_would_change_answers_are_refused(published, given, message):
    result = run("up", published, "--port=0", *given.split())
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())


def test_version_is_printed():
    result = run("up", "--version")
    assert result.exit_code == 0
    assert result.output.startswith("embedded model server on TensorFlow 2.")


def test_what_can_not_be_listened_on_is_named_before_anything_loads(tmp_path, published):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("up", published, "--port=0", f"--rest_api_port={port}")
    assert result.exit_code == 1
    assert f"cannot listen on 127.0.0.1 port {port}" in result.output
    assert "--rest_api_port -1 for any free one" in result.output
    absent = tmp_path / "absent" / "socket"
    result = run("up", published, "--port=0", f"--grpc_socket_path={absent}")
    assert result.exit_code == 1
    assert f"cannot listen on --grpc_socket_path {absent}: there is no directory" in result.output
    pems = tmp_path / "ssl.config"
    pems.write_text('server_key: "x" server_cert: "y"')
    result = run("up", published, "--port=0", f"--ssl_config_file={pems}")
    assert result.exit_code == 2
    assert "not the PEM texts" in result.output
    socket_too = f"--grpc_socket_path={tmp_path / 'socket'}"
    result = run("up", published, "--port=0", f"--ssl_config_file={pems}", socket_too)
    assert "warning: --grpc_socket_path answers without TLS" in result.output


def test_a_models_file_with_nothing_to_serve_is_one_line(tmp_path):
    config = models_config(tmp_path / "models.config", ("d", tmp_path / "absent"))
    result = run("up", "--port=0", f"--model_config_file={config}")
    assert result.exit_code == 1
    assert result.output == f"Error: model d: cannot read {tmp_path / 'absent'}\n"


def test_a_version_that_does_not_load_is_one_line(tmp_path):
    (tmp_path / "bad" / "1").mkdir(parents=True)
    (tmp_path / "bad" / "1" / "saved_model.pb").write_bytes(b"\x0a\xff")
    result = run("up", tmp_path, "--port", 0)
    assert result.exit_code == 1
    assert "name: bad version: 1" in result.output
    assert result.output.count("\n") == 1


@pytest.mark.parametrize(
    "command", ["up", "status", "embed", "hash", "search", "index", "index build"]
)
def test_help_has_examples(command):
    result = run(*command.split(), "--help")
    assert result.exit_code == 0
    assert "python -m serving" in result.output or command == "index"
