import json

import pytest
from click.testing import CliRunner
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from tensorflow_serving.config import model_server_config_pb2

import export
from export import lifecycle, serving_config, versions
from export.cli import main

MODELS = serving_config.MODELS_FILE


@pytest.fixture
def base(tmp_path):
    """Five versions that look whole."""
    for _ in range(5):
        with versions.staging(tmp_path, "m") as staging:
            (staging.version / "variables").mkdir(parents=True)
            (staging.version / "variables/variables.index").touch()
            (staging.version / "saved_model.pb").touch()
            staging.commit()
    return tmp_path


def _present(base):
    return list(versions.list_versions(base / "m"))


def _publish(base):
    with versions.staging(base, "m") as staging:
        staging.version.mkdir()
        return int(staging.commit().name)


def test_rollback_sets_the_newest_aside_and_never_reuses_its_number(base):
    assert lifecycle.rollback(base, "m") == (4, [5])
    assert _present(base) == [1, 2, 3, 4]
    assert lifecycle.rollback(base, "m", to=2) == (2, [3, 4])
    assert _publish(base) == 6


def test_rollback_refuses(base):
    for to in (5, 9):
        with pytest.raises(ValueError, match=rf"one of \[1, 2, 3, 4\] .*Received: {to}"):
            lifecycle.rollback(base, "m", to=to)
    with pytest.raises(ValueError, match=r"names versions \[4\] of m"):
        lifecycle.rollback(base, "m", to=3, protect={4})
    (base / "m/4/saved_model.pb").unlink()
    with pytest.raises(export.ExportError, match=r"version 4 can't be served: saved_model.pb is"):
        lifecycle.rollback(base, "m")
    with pytest.raises(FileNotFoundError, match="no model folder"):
        lifecycle.rollback(base, "other")
    assert _present(base) == [1, 2, 3, 4, 5]


def test_rollback_of_the_only_version(tmp_path):
    _publish(tmp_path)
    with pytest.raises(ValueError, match="no earlier version"):
        lifecycle.rollback(tmp_path, "m")


def test_prune_keeps_the_newest_the_protected_and_the_last_sound_one(base):
    (base / "m/5/saved_model.pb").unlink()
    assert lifecycle.prune(base, "m", keep=1, protect={2}) == [1, 3]
    assert _present(base) == [2, 4, 5]


def test_prune_removes_retired_versions_but_remembers_the_highest_number(base):
    lifecycle.rollback(base, "m", to=3)
    assert lifecycle.prune(base, "m", keep=1) == [1, 2]
    assert _publish(base) == 6
    assert lifecycle.prune(base, "m", keep=1) == [4, 5]
    assert _present(base) == [3, 6]  # 6 is not whole
    with pytest.raises(ValueError, match="keep must be at least 1"):
        lifecycle.prune(base, "m", keep=0)


def test_what_a_killed_prune_left_is_removed(base):
    (base / "m/5").rename(base / "m/.removing-5")
    lifecycle.prune(base, "m", keep=4)
    assert not list((base / "m").glob(".removing-*"))


def _message(name, fields):
    """A message class with the fields that TF Serving documents, for protos it does not ship."""
    file = descriptor_pb2.FileDescriptorProto(name=f"{name}.proto", package="t", syntax="proto3")
    file.dependency.append("google/protobuf/wrappers.proto")
    message = file.message_type.add(name=name)
    for number, (field, kind) in enumerate(fields.items(), 1):
        entry = message.field.add(name=field, number=number, label=1)
        if kind == "repeated":
            entry.type, entry.label = entry.TYPE_INT64, entry.LABEL_REPEATED
        else:
            entry.type, entry.type_name = entry.TYPE_MESSAGE, ".google.protobuf.Int64Value"
    pool = descriptor_pool.Default()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"t.{name}"))()


def test_serving_config(base):
    run = CliRunner().invoke
    out = base / "config"
    labels = ["--label", "m:stable=3", "--label", "m:canary=5"]
    result = run(
        main,
        ["serving-config", str(base), "--out", str(out), "--base-path", "/models", *labels],
    )
    assert result.exit_code == 0, result.output
    config = text_format.Parse(
        (out / "models.config").read_text(), model_server_config_pb2.ModelServerConfig()
    )
    (entry,) = config.model_config_list.config
    assert (entry.name, entry.base_path, entry.model_platform) == ("m", "/models/m", "tensorflow")
    assert list(entry.model_version_policy.specific.versions) == [3, 5]
    assert dict(entry.version_labels) == {"stable": 3, "canary": 5}
    first = text_format.Parse(
        (out / "models.load.config").read_text(), model_server_config_pb2.ModelServerConfig()
    )
    assert not first.model_config_list.config[0].version_labels
    assert serving_config.named_versions(out / "models.config", "m") == {3, 5}

    pruned = run(
        main,
        ["prune", str(base), "--name", "m", "--keep=1", "--json", f"--config={out / MODELS}"],
    )
    assert json.loads(pruned.stdout) == {"removed": [1, 2, 4], "present": [3, 5]}
    refused = run(main, ["rollback", str(base), "--name", "m", "--config", str(out / MODELS)])
    assert (refused.exit_code, "names versions [5] of m" in refused.stderr) == (2, True)


def test_serving_config_takes_what_a_sweep_found(base, tmp_path):
    run = CliRunner().invoke
    tuned, out = tmp_path / "tuned", tmp_path / "config"
    arguments = ["serving-config", str(base), "--out", str(out), "--tuning", str(tuned)]
    refused = run(main, arguments)
    assert (refused.exit_code, "no batching_parameters.txt" in refused.stderr) == (2, True)
    tuned.mkdir()
    (tuned / "batching_parameters.txt").write_text("max_batch_size { value: 64 }\n")
    (tuned / "flags.txt").write_text("--enable_batching=true\n--grpc_max_threads=9\n")
    assert run(main, arguments).exit_code == 0
    assert (out / "batching_parameters.txt").read_text() == "max_batch_size { value: 64 }\n"
    assert (out / "flags.txt").read_text().split() == [
        *("--enable_batching=true", "--grpc_max_threads=9"),
        f"--batching_parameters_file={out}/batching_parameters.txt",
    ]
    (tuned / "flags.txt").write_text("")
    assert "must hold --" in run(main, arguments).stderr


def test_batching_parameters_end_at_the_largest_allowed_size():
    fields = ["max_batch_size", "batch_timeout_micros", "max_enqueued_batches", "num_batch_threads"]
    message = _message(
        "BatchingParameters",
        {"allowed_batch_sizes": "repeated", **dict.fromkeys(fields, "wrapper")},
    )
    text_format.Parse(serving_config.batching_parameters([32, 1, 8], threads=4), message)
    assert list(message.allowed_batch_sizes) == [1, 8, 32]
    assert message.max_batch_size.value == 32
    assert message.num_batch_threads.value == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--label", "m=3"], "--label must be MODEL:LABEL=VERSION"),
        (["--label", "m:stable=9"], "one of [1, 2, 3, 4, 5]. Received: 9"),
        (["--label", "other:stable=1"], "Received labels of: ['other']"),
        (["--base-path", "models"], "base path must be absolute or a URI. Received: models/m"),
    ],
)
def test_serving_config_refuses(base, arguments, message):
    result = CliRunner().invoke(
        main, ["serving-config", str(base), "--out", str(base / "c"), *arguments]
    )
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (base / "c").exists()


def test_not_a_models_config(tmp_path):
    (tmp_path / "models.config").write_text("model_config { }")
    with pytest.raises(ValueError, match=r"not a TF Serving model configuration"):
        serving_config.named_versions(tmp_path / "models.config", "m")
