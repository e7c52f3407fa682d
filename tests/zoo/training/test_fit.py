import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest

import zoo
from zoo.training import DivergedError, Run, fit_run
from zoo.training.teaching import codes_to_teach

CONFIG = {
    "data_dir": None,
    "variant": "semantic-hash",
    "backbone": "dense",
    "code_dim": 8,
    "likelihood": None,
    "batch_size": 50,
    "learning_rate": 1e-3,
    "seed": 0,
    "epochs": 4,
    "options": {"hidden": [16], "training_steps": 20},
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "x.npy"
    np.save(path, np.random.default_rng(0).integers(0, 255, (300, 12), "uint8"))
    return str(path)


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """A run that nothing interrupted."""
    run = Run(tmp_path_factory.mktemp("runs") / "whole")
    fit_run(run, {**CONFIG, "data": data}, progress=False)
    return run


def assert_same(run, other):
    model, expected = run.load_model(), other.load_model()
    for weight, value in zip(model.variables, expected.variables, strict=True):
        np.testing.assert_array_equal(weight, value, err_msg=weight.path)
    rows, expected_rows = run.read_history(), other.read_history()
    assert [row["epoch"] for row in rows] == list(range(CONFIG["epochs"]))
    assert [row["loss"] for row in rows] == [row["loss"] for row in expected_rows]


def test_writes_what_the_contract_names(whole):
    config = whole.read_json(whole.config_file)
    assert config["data_fingerprint"]
    assert config["versions"]["keras"]
    assert len(whole.read_history()) == 4
    assert np.array(whole.read_json(whole.activations_file)).shape == (4, 40)
    assert any(whole.tensorboard_folder.rglob("events*"))
    assert isinstance(whole.load_model(), zoo.Autoencoder)


def test_resuming_ends_as_if_nothing_had_happened(whole, data, tmp_path):
    run = Run(tmp_path / "run")
    fit_run(run, {**CONFIG, "data": data, "epochs": 2}, progress=False)
    # As after a kill between the two writes of a checkpoint: rows beyond the model are dropped.
    run.write_history([*run.read_history(), {"epoch": 2, "loss": 99.0}])
    fit_run(run, {**CONFIG, "data": data}, progress=False)
    assert_same(run, whole)


def test_kill_in_mid_training(data, tmp_path):
    out = tmp_path / "run"
    fit = [sys.executable, "-m", "zoo", "fit", "--out", str(out)]
    options = ["--data", data, "--epochs", "4000", "--option", "hidden=[16]"]
    process = subprocess.Popen([*fit, *options], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (out / "model.keras").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    run = Run(out)
    done = int(run.load_model().optimizer.iterations)  # one batch is an epoch of these rows
    assert len(run.read_history()) >= done > 0
    config = run.read_json(run.config_file)
    fit_run(run, {**config, "epochs": done + 3}, progress=False)
    assert [row["epoch"] for row in run.read_history()] == list(range(done + 3))


def test_fewer_epochs_than_there_were_change_nothing(whole, data):
    fit_run(whole, {**CONFIG, "data": data, "epochs": 2}, progress=False)
    assert whole.read_json(whole.config_file)["epochs"] == CONFIG["epochs"]
    assert [str(row["epoch"]) for row in whole.read_history()] == ["0", "1", "2", "3"]


def test_a_training_that_diverges_is_told_and_not_kept(data, tmp_path):
    run = Run(tmp_path)
    config = {**CONFIG, "data": data, "learning_rate": 1e30}
    with pytest.raises(DivergedError, match=r"became NaN in epoch \d; lower --learning-rate"):
        fit_run(run, config, progress=False)
    assert not run.model_file.exists()


def test_a_single_row_is_refused(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((2, 12), "uint8"))
    with pytest.raises(ValueError, match="at least two rows"):
        fit_run(Run(tmp_path), {**CONFIG, "data": str(tmp_path / "x.npy")}, progress=False)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", b"{}"),
        ("config.json", b"[]"),
        ("config.json", b'{"data": "\xff"}'),
        ("history.csv", b"epoch,loss\n0,abc\n"),
        ("history.csv", b"\0\xff"),
        ("metrics.json", b"[1]"),
        ("model.keras", b"PK"),
        ("model.keras", None),
    ],
)
def test_a_damaged_file_is_named(name, content, whole, tmp_path):
    run = Run(shutil.copytree(whole.folder, tmp_path / "run"))
    if content is None:
        content = bytearray(run.model_file.read_bytes())
        content[len(content) // 3 : -len(content) // 3] = bytes(len(content) // 3)
    (run.folder / name).write_bytes(content)
    read = {
        "config.json": run.read_config,
        "history.csv": run.read_history,
        "metrics.json": run.read_metrics,
        "model.keras": run.load_model,
    }
    with pytest.raises(ValueError, match=rf"{name} is (not a saved .* )?(or it is )?damaged"):
        read[name]()


@pytest.mark.parametrize("content", [b"", b"no array", b"PK\3\4"])
def test_damaged_codes_are_named(content, tmp_path):
    run = Run(tmp_path)
    run.codes_file.write_bytes(content)
    model = zoo.create("semantic-hash", (12,), 8, hidden=[4])
    config = {"neighbours": 3, "code_dim": 8, "seed": 0}
    with pytest.raises(ValueError, match=r"taught_codes\.npy is damaged: remove it"):
        codes_to_teach(run, model, np.zeros((9, 12), "float32"), config, progress=False)


def test_another_zip_is_no_model(tmp_path):
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as file:
        file.writestr("a.txt", "a")
    with pytest.raises(ValueError, match="is not a saved Keras model"):
        Run(tmp_path).load_model()


def test_one_training_at_a_time(data, tmp_path):
    run = Run(tmp_path / "run")
    with run.lock(), pytest.raises(ValueError, match="Another process is training"):
        fit_run(Run(tmp_path / "run"), {**CONFIG, "data": data}, progress=False)


def test_other_data_is_refused(whole, tmp_path):
    np.save(tmp_path / "other.npy", np.zeros((300, 12), "uint8"))
    with pytest.raises(ValueError, match="is not what"):
        fit_run(whole, {**CONFIG, "data": str(tmp_path / "other.npy")}, progress=False)


def test_a_negative_seed_is_refused(data, tmp_path):
    with pytest.raises(ValueError, match="Received: seed=-1"):
        fit_run(Run(tmp_path), {**CONFIG, "data": data, "seed": -1}, progress=False)


@pytest.mark.parametrize("name", ["epochs", "batch_size", "learning_rate"])
def test_numbers_must_be_positive(name, data, tmp_path):
    with pytest.raises(ValueError, match=f"Received: {name}=0"):
        fit_run(Run(tmp_path), {**CONFIG, "data": data, name: 0}, progress=False)
