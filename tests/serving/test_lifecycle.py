"""Versions come, go, fail and recover under a running server."""

import shutil
import threading
import time

import numpy as np
import pytest
import tensorflow as tf

import serving
from serving import Client
from serving.server import (
    BatchRules,
    EmbeddedServer,
    ModelConfig,
    ServerOptions,
    StatusError,
    find_versions,
)
from serving.server.servable import Servable
from serving.wire.codec import to_proto
from serving.wire.messages import PredictionLog
from tests.serving import models

ONES = np.ones((1, models.FEATURES), np.float32)
QUICK = ServerOptions(file_system_poll_wait_seconds=0.05, load_retry_interval_micros=100_000)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Versions 1, 2, 3 that embed with 1, 2, 3 times the weights, to copy from."""
    base = tmp_path_factory.mktemp("made")
    for number in (1, 2, 3):
        models.write_encoder(base, number, scale=float(number))
    return base


def put(made, base, number, source=None):
    """Publishes by renaming, as a publisher must."""
    partial = base / f".{number}.partial"
    shutil.copytree(made / str(source or number), partial)
    partial.rename(base / str(number))


@pytest.fixture
def base(made, tmp_path):
    (tmp_path / "enc").mkdir()
    put(made, tmp_path / "enc", 1)
    return tmp_path / "enc"


def scale(client):
    return round(float(client.embed(ONES)[0, 0] / models.weights().sum(axis=0)[0]), 3)


def until(check, seconds=15):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if check():
            return
        time.sleep(0.02)
    raise AssertionError("did not happen in time")


def states(client):
    return {entry.version: entry.state for entry in client.status()}


@pytest.fixture
def running(base):
    with (
        EmbeddedServer([ModelConfig("enc", str(base))], QUICK) as server,
        Client(server.address, "enc") as client,
    ):
        yield server, client


def test_a_new_version_replaces_the_old_and_its_removal_brings_that_back(running, made, base):
    _, client = running
    assert scale(client) == 1
    put(made, base, 2)
    until(lambda: states(client).get(1) == "END")
    assert scale(client) == 2
    assert states(client) == {2: "AVAILABLE", 1: "END"}
    shutil.rmtree(base / "2")
    until(lambda: scale(client) == 1)


def test_no_request_fails_while_versions_are_swapped(running, made, base):
    server, _ = running
    answers, errors, stop = [], [], threading.Event()

    def ask():
        with Client(server.address, "enc", retry=False) as client:
            while not stop.is_set():
                try:
                    answers.append(scale(client))
                except Exception as error:
                    errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(32)]
    for thread in threads:
        thread.start()
    for number in (2, 3, 4, 5):
        put(made, base, number, source=number % 3 + 1)
        until(lambda number=number: server.manager.summary() == {"enc": [number]})
    stop.set()
    for thread in threads:
        thread.join()
    assert not errors
    assert {1.0, 3.0, 2.0} == set(answers)


def test_a_version_that_fails_leaves_the_old_and_heals_when_its_files_change(running, made, base):
    _, client = running
    put(made, base, 2)
    until(lambda: states(client).get(2) == "AVAILABLE")
    broken = base / "3"
    broken.mkdir()
    (broken / "saved_model.pb").write_bytes((made / "3" / "saved_model.pb").read_bytes()[:200])
    until(lambda: client.status()[0].state == "END", seconds=20)
    assert client.status()[0].error
    assert scale(client) == 2
    shutil.rmtree(broken)
    put(made, base, 3)
    until(lambda: scale(client) == 3)
    assert client.status()[0].error == ""


def test_variables_that_are_missing_do_not_cost_the_good_version(running, made, base):
    _, client = running
    shutil.copytree(made / "2", base / "2", ignore=shutil.ignore_patterns("variables"))
    until(lambda: client.status()[0].error)
    assert scale(client) == 1
    shutil.copytree(made / "2" / "variables", base / "2" / "variables")
    until(lambda: scale(client) == 2)


def test_a_directory_that_vanishes_changes_nothing_but_an_empty_one_unloads(running, base):
    _, client = running
    hidden = base.with_name("hidden")
    base.rename(hidden)
    time.sleep(0.3)
    assert scale(client) == 1
    hidden.rename(base)
    shutil.rmtree(base / "1")
    until(lambda: states(client).get(1) == "END")
    with pytest.raises(serving.ModelNotFound, match=r"Latest\(enc\)"):
        client.embed(ONES)


def test_a_request_in_flight_finishes_on_the_version_that_it_began_with(tmp_path):
    base = tmp_path / "odd"
    models.write_odd(base, 1)
    with (
        EmbeddedServer([ModelConfig("odd", str(base))], QUICK) as server,
        Client(server.address, "odd") as client,
    ):
        client.metadata()
        with models.slow_request(client, seconds=0.1):
            shutil.rmtree(base / "1")
            until(lambda: server.manager.summary() == {"odd": []})


@pytest.mark.parametrize(
    ("config", "served"),
    [
        ({"latest": 2}, [2, 3]),
        ({"every": True}, [1, 2, 3]),
        ({"specific": frozenset({1, 3, 9})}, [1, 3]),
    ],
)
def test_version_policies(made, config, served):
    with EmbeddedServer([ModelConfig("enc", str(made), **config)], QUICK) as server:
        until(lambda: server.manager.summary() == {"enc": served})


def test_which_names_are_versions(tmp_path):
    names = ["2", "00003", "+4", " 5", "9223372036854775807"]
    for name in (*names, "2.tmp", ".2", "v5", "1e3", "9223372036854775808", "٣"):
        (tmp_path / name).mkdir()
    assert set(find_versions(tmp_path)) == {2, 3, 4, 5, 9223372036854775807}
    assert find_versions(tmp_path / "absent") is None


def write_warmup(path, *records):
    (path / "assets.extra").mkdir()
    with tf.io.TFRecordWriter(str(path / "assets.extra" / "tf_serving_warmup_requests")) as writer:
        for record in records:
            writer.write(record)


def predict_log(rows, signature="embed", name="inputs"):
    log = PredictionLog()
    log.predict_log.request.model_spec.signature_name = signature
    log.predict_log.request.inputs[name].CopyFrom(to_proto(rows))
    return log.SerializeToString()


@pytest.mark.parametrize(
    ("records", "error"),
    [
        ([predict_log(ONES), predict_log(ONES, "hash"), b""], None),
        ([predict_log(ONES, "nope")], 'Serving signature key "nope" not found'),
        ([predict_log(ONES[:, :3])], "Matrix size-incompatible"),
        ([b"\xff\xff"], "Failed to parse warmup record"),
        ([b""] * 1001, "exceeds the maximum (1000)"),
        (None, "verify your warmup data is in TFRecord format"),
    ],
)
def test_warm_up_that_fails_fails_the_load(base, records, error):
    if records is None:
        (base / "1" / "assets.extra").mkdir()
        (base / "1" / "assets.extra" / "tf_serving_warmup_requests").write_text("not records" * 9)
    else:
        write_warmup(base / "1", *records)
    server = EmbeddedServer([ModelConfig("enc", str(base))], QUICK)
    if error is None:
        with server:
            assert "model_warmup_latency_count" in server.metrics.render()
    else:
        with pytest.raises(StatusError) as caught:
            server.start()
        assert error in caught.value.message


def test_a_reload_that_can_not_finish_ends_with_its_deadline_and_holds_nothing(running, tmp_path):
    server, client = running
    absent = ModelConfig("late", str(tmp_path / "late"))
    with pytest.raises(StatusError, match="late became available in time"):
        server.manager.reload([*server.models, absent], timeout=0.3)
    assert scale(client) == 1
    server.manager.reload(server.models, timeout=5)


def test_a_reload_drops_and_renames_models(running, made, base):
    server, client = running
    server.manager.reload([ModelConfig("other", str(base))], timeout=10)
    with pytest.raises(serving.ModelNotFound):
        client.embed(ONES)
    with Client(server.address, "other") as other:
        assert scale(other) == 1


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (ModelConfig("enc", "relative"), "to have an absolute path"),
        (ModelConfig("", "/tmp"), "name"),
    ],
)
def test_configurations_that_are_refused(config, message):
    with pytest.raises(StatusError, match=message):
        EmbeddedServer([config], QUICK).start()


def test_labels_wait_only_when_allowed(base):
    config = ModelConfig("enc", str(base), labels={"stable": 1})
    with pytest.raises(StatusError, match="not currently available for inference"):
        EmbeddedServer([config], QUICK).start()
    allowed = ServerOptions(allow_version_labels_for_unavailable_models=True)
    with (
        EmbeddedServer([config], allowed) as server,
        Client(server.address, "enc", label="stable") as client,
    ):
        assert scale(client) == 1


def test_a_disk_that_hangs_holds_up_no_request(running, monkeypatch):
    _, client = running
    looking, answer = threading.Event(), threading.Event()

    def hang(path):
        looking.set()
        answer.wait(30)
        return find_versions(path)

    monkeypatch.setattr("serving.server.manager.find_versions", hang)
    try:
        assert looking.wait(15)
        assert scale(client) == 1
        assert states(client) == {1: "AVAILABLE"}
    finally:
        answer.set()


def test_the_highest_version_loads_first(made, tmp_path):
    """Both policies, with one load at a time, as the real server's policy orders them."""
    for config in ({"every": True}, {"latest": 2}):
        with EmbeddedServer([ModelConfig("enc", str(made), **config)], QUICK) as server:
            assert 3 in server.manager.summary()["enc"]


@pytest.mark.parametrize(
    ("name", "specific", "message"),
    [
        ("absent", (), r"model enc: cannot read .*absent"),
        ("empty", (), r"model enc: .*empty has no version$"),
        ("enc", (9, 8), r"model enc: .*enc has no version 8, 9, which its.*; it holds 1$"),
    ],
)
def test_a_model_with_nothing_to_serve_is_told_at_start(base, name, specific, message):
    (base.parent / "empty").mkdir()
    config = ModelConfig("enc", str(base.parent / name), specific=frozenset(specific))
    with pytest.raises(StatusError, match=message) as caught:
        EmbeddedServer([config], QUICK).start()
    assert caught.value.code.name == "NOT_FOUND"


def damage(made, version, how):
    """Puts a version beside the good ones that is broken in one way."""
    if how == "a file":
        version.write_text("not a directory")
        return
    partial = version.with_name(".partial")
    shutil.copytree(made / "2", partial)
    file = partial / "saved_model.pb"
    if how == "truncated variables":
        (file,) = (partial / "variables").glob("*.data-*")
    with file.open("r+b") as opened:
        opened.truncate(100)
    partial.rename(version)


@pytest.mark.parametrize(
    ("how", "code", "message"),
    [
        (
            "a file",
            "FAILED_PRECONDITION",
            "Error while attempting to reserve resources to load servable {name: enc version: 6}",
        ),
        ("truncated graph", "OUT_OF_RANGE", "Read less bytes than requested"),
        ("truncated variables", "OUT_OF_RANGE", "Read less bytes than requested"),
    ],
)
def test_broken_versions_fail_with_the_real_servers_words(running, made, base, how, code, message):
    server, client = running
    damage(made, base / "6", how)
    until(lambda: states(client).get(6) and client.status()[0].error)
    _, _, error = server.manager.states("enc", 6)[0]
    assert error.code.name == code
    assert error.message.startswith(message)
    assert scale(client) == 1


def test_a_label_in_use_moves_to_available_versions_only(made):
    """With the flag, a label that nobody uses may point to a version that is to come."""
    options = ServerOptions(allow_version_labels_for_unavailable_models=True)

    def config(**labels):
        return ModelConfig("enc", str(made), every=True, labels=labels)

    with EmbeddedServer([config(stable=3)], options) as server:
        until(lambda: server.manager.summary() == {"enc": [1, 2, 3]})
        server.manager.reload([config(stable=2)], timeout=5)
        server.manager.reload([config(stable=2, canary=9)], timeout=5)
        with pytest.raises(StatusError, match="label to version 9 of model enc") as caught:
            server.manager.reload([config(stable=9, canary=9)], timeout=5)
        assert caught.value.code.name == "FAILED_PRECONDITION"
        server.manager.reload([config(stable=2, canary=9)], timeout=5)


def test_warm_up_obeys_the_batching_rules(base):
    write_warmup(base / "1", predict_log(np.repeat(ONES, 5, axis=0)))
    config = ModelConfig("enc", str(base))
    with pytest.raises(StatusError, match="Task size 5 is larger than maximum input batch size 4"):
        EmbeddedServer([config], ServerOptions(batching=BatchRules(4))).start()
    with EmbeddedServer([config], ServerOptions(batching=BatchRules(5))):
        pass


def test_warm_up_runs_each_request_as_often_as_told(base, monkeypatch):
    ran = []
    run = Servable.run
    monkeypatch.setattr(Servable, "run", lambda *args: (ran.append(args[1]), run(*args))[1])
    write_warmup(base / "1", predict_log(ONES), predict_log(ONES, "hash"))
    options = ServerOptions(num_request_iterations_for_warmup=3)
    with EmbeddedServer([ModelConfig("enc", str(base))], options):
        assert ran == ["embed"] * 3 + ["hash"] * 3
