"""Recorded answers against a running server."""

import json

import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner

from serving import Client
from serving.cli import main
from serving.server import EmbeddedServer, ModelConfig, ServerOptions
from serving.wire.codec import to_array, to_proto
from serving.wire.messages import PredictionLog
from serving.wire.records import read_records
from tests.serving import models


@pytest.fixture
def golden(client, tmp_path):
    """Records the server's own answers for two signatures."""
    path = tmp_path / "golden.tfrecord"
    rows = np.random.default_rng(5).normal(size=(9, models.FEATURES)).astype(np.float32)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for name in ("embed", "hash"):
            log = PredictionLog()
            log.predict_log.request.model_spec.signature_name = name
            log.predict_log.request.inputs["inputs"].CopyFrom(to_proto(rows))
            for key, value in client.predict(name, inputs=rows).items():
                log.predict_log.response.outputs[key].CopyFrom(to_proto(value))
            writer.write(log.SerializeToString())
    return path


def replay(server, path, *options):
    args = ["replay", server.address, "enc", "--golden", str(path), *map(str, options)]
    return CliRunner().invoke(main, args)


def change(path, index, key, edit):
    records = [PredictionLog.FromString(record) for record in read_records(path)]
    outputs = records[index].predict_log.response.outputs
    outputs[key].CopyFrom(to_proto(edit(to_array(outputs[key]).copy())))
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record.SerializeToString())


def test_the_same_answers_pass(server, golden):
    result = replay(server, golden, "--json")
    assert result.exit_code == 0, result.output
    answer = json.loads(result.output)
    assert answer["passed"]
    assert [(v["signature"], v["rows"]) for v in answer["signatures"]] == [
        ("embed", 9),
        ("hash", 9),
    ]
    assert "pass" in replay(server, golden).output


def test_another_embedding_fails_that_signature_alone(server, golden):
    change(golden, 0, "embedding", lambda x: x + np.eye(*x.shape, dtype=np.float32))
    result = replay(server, golden, "--json")
    assert result.exit_code == 1
    embed, code = json.loads(result.output)["signatures"]
    assert not embed["passed"]
    assert embed["max_error"] == pytest.approx(1, abs=1e-4)
    assert code["passed"]
    assert replay(server, golden, "--atol", 1.1).exit_code == 0


def test_flipped_bits_are_counted(server, golden):
    change(golden, 1, "code", lambda x: x ^ np.uint8(16))
    result = replay(server, golden, "--json")
    assert result.exit_code == 1
    assert json.loads(result.output)["signatures"][1]["bits"] == 18
    assert replay(server, golden, "--max-bits", 18).exit_code == 0


def test_a_model_that_is_not_there_fails(server, golden):
    result = CliRunner().invoke(
        main, ["replay", server.address, "nope", "--golden", str(golden), "--json"]
    )
    assert result.exit_code == 1
    assert "nope" in result.output


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[:-3], "ends within a record"),
        (lambda data: b"\x01" + data[1:], "not a TFRecord"),
        (lambda data: b"", "holds no recorded requests"),
    ],
)
def test_a_damaged_file_is_told(server, golden, damage, message):
    golden.write_bytes(damage(golden.read_bytes()))
    result = replay(server, golden)
    assert result.exit_code == 2
    assert message in result.output


def test_the_file_is_found_beside_the_version(server, golden, tmp_path):
    home = tmp_path / "base" / "enc" / "2" / "assets.extra"
    home.mkdir(parents=True)
    golden.rename(home / "golden.tfrecord")
    args = ["replay", server.address, "enc", "--base"]
    assert CliRunner().invoke(main, [*args, str(tmp_path / "base")]).exit_code == 0
    absent = CliRunner().invoke(main, [*args, str(tmp_path)])
    assert absent.exit_code == 2
    assert "no recorded answers at" in absent.output


def test_the_file_of_a_labelled_version_is_found(published, golden, tmp_path):
    (tmp_path / "enc" / "1" / "assets.extra").mkdir(parents=True)
    golden.rename(tmp_path / "enc" / "1" / "assets.extra" / "golden.tfrecord")
    config = ModelConfig("enc", str(published / "enc"), every=True, labels={"first": 1, "last": 2})
    options = ServerOptions(allow_version_labels_for_unavailable_models=True)
    with EmbeddedServer([config], options) as labelled:
        with Client(labelled.address, "enc", label="first") as client:
            client.wait_until_ready(60)
        args = ["replay", labelled.address, "enc", "--base", str(tmp_path), "--json"]
        first = CliRunner().invoke(main, [*args, "--label", "first"])
        last = CliRunner().invoke(main, [*args, "--label", "last"])
    assert not json.loads(first.output)["passed"]  # what is recorded is another version's
    assert f"no recorded answers at {tmp_path}/enc/2" in last.output
