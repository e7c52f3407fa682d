"""The command line, with a real server in its own process."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request

import numpy as np
import pytest
from click.testing import CliRunner

from serving import Client, InvalidInput
from serving.cli import main
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
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        rest = probe.getsockname()[1]
    process = start(
        "--port=0",
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
            Client(f"127.0.0.1:{ready['port']}", "named") as client,
            pytest.raises(InvalidInput, match="maximum input batch size 4"),
        ):
            client.embed(np.ones((5, models.FEATURES), np.float32))
        with urllib.request.urlopen(f"http://127.0.0.1:{rest}/v1/models/named") as answer:
            assert b"AVAILABLE" in answer.read()
        metrics = f"http://127.0.0.1:{rest}/monitoring/prometheus/metrics"
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


def test_a_model_path_without_versions_is_one_line(tmp_path):
    result = run("up", tmp_path)
    assert result.exit_code == 2
    assert "has no version; it must hold NAME/VERSION/" in result.output
    assert run("up", tmp_path / "absent").exit_code == 2
    assert run("up").exit_code == 2


def test_a_real_server_is_used_where_there_is_one(published, tmp_path):
    """The binary on PATH is a stand-in that takes the same flags: the embedded server."""
    binary = tmp_path / "tensorflow_model_server"
    binary.write_text(f'#!/bin/sh\nexec {sys.executable} -m serving up "$@"\n')
    binary.chmod(0o755)
    command = [sys.executable, "-m", "serving", "up", published, "--port=0", "--json"]
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    process = subprocess.Popen(
        [*map(str, command), "--engine=auto"], stdout=subprocess.PIPE, text=True, env=environment
    )
    try:
        ready = json.loads(process.stdout.readline())
        assert ready["models"] == {"enc": [2], "odd": [1], "text": [1]}
        assert ready["pid"] != process.pid
        where = ("--server", f"127.0.0.1:{ready['port']}")
        assert run("status", "enc", *where).exit_code == 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
        assert run("status", "enc", "--timeout", 2, *where).exit_code == 1
    finally:
        process.kill()
        process.communicate()


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
