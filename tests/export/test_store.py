"""An object store, in memory: TensorFlow's `ram://` file system, which has no atomic rename."""

import json
import shutil
import threading
import uuid

import keras
import pytest
import tensorflow as tf
from click.testing import CliRunner

import export
from export import card, lifecycle, store
from export.cli import main
from export.verify import verify

FILES = tf.io.gfile


@pytest.fixture
def bucket():
    return f"ram://{uuid.uuid4().hex}/models"


def _publish(base, published):
    with store.staging(base, "m") as staging:
        shutil.copytree(published, staging.version)
        return staging.commit()


def test_saved_model_appears_last(bucket, published, monkeypatch):
    """Wherever the upload stops, a server that sees saved_model.pb sees all the rest."""
    copied = []
    copy = FILES.copy

    def watched(source, destination, **options):
        assert not any(name.endswith("saved_model.pb") for name in copied)
        copied.append(destination.removeprefix(f"{bucket}/m/1/"))
        copy(source, destination, **options)

    monkeypatch.setattr(FILES, "copy", watched)
    target = _publish(bucket, published)
    assert target == f"{bucket}/m/1"
    assert copied[-1] == "saved_model.pb"
    expected = {str(p.relative_to(published)) for p in published.rglob("*") if p.is_file()}
    assert set(copied) == expected
    assert FILES.listdir(f"{bucket}/m") == ["1"]
    for name in expected:
        with FILES.GFile(f"{target}/{name}", "rb") as file:
            assert file.read() == (published / name).read_bytes()


def test_interrupted_upload_is_removed_and_shows_no_version(bucket, published, monkeypatch):
    copy = FILES.copy

    def failing(source, destination, **options):
        if destination.endswith("variables.index"):
            raise tf.errors.UnavailableError(None, None, "the store is down")
        copy(source, destination, **options)

    monkeypatch.setattr(FILES, "copy", failing)
    with pytest.raises(export.ExportError, match=r"could not write .*: the store is down"):
        _publish(bucket, published)
    assert FILES.listdir(f"{bucket}/m") == []


def test_numbers_of_others_are_never_taken(bucket, published):
    FILES.makedirs(f"{bucket}/m/4")
    with FILES.GFile(f"{bucket}/m/.claim-6-abc", "w") as file:
        file.write("a publisher at work, or one that was killed")
    assert _publish(bucket, published) == f"{bucket}/m/7"


def test_publishers_at_once_get_distinct_versions(bucket, published):
    targets = []

    def work():
        targets.append(_publish(bucket, published))

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(targets)) == 20


def test_publish_to_a_store(bucket):
    encoder = keras.Sequential([keras.Input((4,), name="x"), keras.layers.Dense(2)])
    target = export.publish_encoder(encoder, bucket, name="m", batch_sizes=(1,))
    assert target == f"{bucket}/m/1"
    loaded = tf.saved_model.load(target)
    assert loaded.signatures["embed"](x=tf.zeros((3, 4)))["embedding"].shape == (3, 2)


def test_list_and_verify(bucket, published):
    target = _publish(bucket, published)
    listed = CliRunner().invoke(main, ["list", bucket, "--json"])
    (entry,) = json.loads(listed.stdout)["versions"]
    assert (entry["path"], entry["code"], entry["damage"]) == (target, "binary 20", None)
    assert entry["bytes"] == card.size_of(published)
    result = verify(target)
    assert result["path"] == target
    assert result["signatures"]["hash"]["bits_changed"] == 0
    FILES.remove(f"{target}/variables/variables.index")
    with pytest.raises(export.ExportError, match=r"^ram://.*/m/1 is damaged: .*index is missing"):
        verify(target)
    listed = CliRunner().invoke(main, ["list", bucket, "--json"])
    assert "is missing" in json.loads(listed.stdout)["versions"][0]["damage"]
    for command in (["verify", f"{bucket}/m/9"], ["list", f"{bucket}s"]):
        refused = CliRunner().invoke(main, command)
        assert (refused.exit_code, "no folder at ram://" in refused.stderr) == (2, True)


@pytest.fixture
def versions_in(bucket):
    """Five versions that look whole."""
    for number in range(1, 6):
        for name in ("variables/variables.index", "saved_model.pb"):
            FILES.makedirs(f"{bucket}/m/{number}/{name}".rsplit("/", 1)[0])
            with FILES.GFile(f"{bucket}/m/{number}/{name}", "w") as file:
                file.write(f"{number} {name}")
    return bucket


def _content(place):
    return {
        f"{folder.removeprefix(place).strip('/')}/{name}".strip("/")
        for folder, _, names in FILES.walk(place)
        for name in names
    }


def test_rollback_and_prune(versions_in, published):
    run = CliRunner().invoke
    result = run(main, ["rollback", versions_in, "--name", "m", "--to", "3", "--json"])
    assert json.loads(result.stdout) == {"serving": 3, "retired": [4, 5]}
    assert store.numbers(f"{versions_in}/m") == [1, 2, 3]
    files = {"variables/variables.index", "saved_model.pb"}
    assert _content(f"{versions_in}/m/.retired-5") == files
    assert _publish(versions_in, published) == f"{versions_in}/m/6"
    pruned = run(main, ["prune", versions_in, "--name", "m", "--keep", "2", "--json"])
    assert json.loads(pruned.stdout) == {"removed": [1, 2, 4, 5], "present": [3, 6]}
    assert sorted(FILES.listdir(f"{versions_in}/m")) == ["3", "6"]
    with pytest.raises(FileNotFoundError, match="no folder at"):
        lifecycle.prune(versions_in, "other", 1)


def test_no_server_ever_sees_a_version_that_only_looks_whole(versions_in, monkeypatch):
    """After each change in the store, saved_model.pb is there only beside the variables."""
    changes = []

    def watched(change):
        def changed(*arguments, **options):
            change(*arguments, **options)
            changes.append(arguments[-1])
            for child in FILES.listdir(f"{versions_in}/m"):
                files = _content(f"{versions_in}/m/{child}")
                assert "saved_model.pb" not in files or len(files) == 2

        return changed

    for name in ("copy", "remove", "rmtree"):
        monkeypatch.setattr(FILES, name, watched(getattr(FILES, name)))
    lifecycle.rollback(versions_in, "m", to=3)
    lifecycle.prune(versions_in, "m", keep=1)
    assert len(changes) == 2 * 4 + 2 * 2
    # Of the two that went, the newer one went last: a server moved once.
    assert [int(c.split("/m/")[1][0]) for c in changes if c[-2:] in ("/4", "/5")] == [4, 5]


def test_killed_rollback_can_be_repeated(versions_in, monkeypatch):
    def killed(path):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(FILES, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            lifecycle.rollback(versions_in, "m")
    assert lifecycle.rollback(versions_in, "m") == (4, [5])
    assert len(_content(f"{versions_in}/m/.retired-5")) == 2
    assert store.numbers(f"{versions_in}/m") == [1, 2, 3, 4]


def test_a_version_that_is_being_written_is_left_alone(versions_in):
    with FILES.GFile(f"{versions_in}/m/.claim-5-abc", "w") as file:
        file.write("at work")
    with pytest.raises(export.ExportError, match=r"version 5 is being written; .*\.claim-5-abc"):
        lifecycle.rollback(versions_in, "m")
    assert lifecycle.prune(versions_in, "m", keep=1) == [1, 2, 3, 4]
    with FILES.GFile(f"{versions_in}/m/.claim-5-abc", "w") as file:
        file.write("claimed at 1000000000 s since 1970")  # its publisher was killed
    FILES.makedirs(f"{versions_in}/m/6")
    assert lifecycle.present(versions_in, "m") == [5, 6]
    assert lifecycle.rollback(versions_in, "m") == (5, [6])


def test_unknown_scheme():
    with (
        pytest.raises(ValueError, match="no file system for nowhere://bucket"),
        store.staging("nowhere://bucket", "m"),
    ):
        pass
