import json
import shutil
import sys
import types

import click.testing
import numpy as np
import pytest

from zoo.cli import cli
from zoo.cli_options import read_options


def invoke(*arguments):
    return click.testing.CliRunner().invoke(cli, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "digits"
    result = invoke("fit", "--epochs", 2, "--option", "hidden=[32]", "--json", "--out", out)
    assert result.exit_code == 0, result.output
    return out, json.loads(result.stdout)


def test_fit_measures_and_reports(run):
    out, metrics = run
    assert metrics["run"] == str(out)
    assert {"reconstruction_error", "binarized_error", "precision_at_100_bits"} <= set(metrics)
    for name in ("model.keras", "config.json", "history.csv", "metrics.json", "report.html"):
        assert (out / name).stat().st_size
    names = ("reconstructions", "extremes", "neighbours", "activations", "map", "radius")
    for name in (*names, "robustness", "curves"):
        assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_report_is_written_anew_and_gives_the_same_numbers(run):
    out, metrics = run
    (out / "report.html").unlink()
    (out / "metrics.json").unlink()
    assert invoke("report", out).exit_code == 0
    again = json.loads((out / "metrics.json").read_text())
    assert again == {name: value for name, value in metrics.items() if name != "run"}
    page = (out / "report.html").read_text()
    for words in ("Does the code help?", "PCA of the same size", "Classifiers saw training rows"):
        assert words in page
    assert (out / "tensorboard" / "evaluation" / "projector_config.pbtxt").exists()


def test_an_interrupted_training_tells_how_it_goes_on(tmp_path, monkeypatch):
    def interrupt(run, config):
        raise KeyboardInterrupt

    monkeypatch.setattr("zoo.training.fit_run", interrupt)
    result = invoke("fit", "--out", tmp_path / "a run")
    assert result.exit_code == 1
    assert f"fit --resume --out '{tmp_path / 'a run'}' goes on" in result.output


def test_compare(run, tmp_path):
    out, metrics = run
    copy = tmp_path / "other"
    shutil.copytree(out, copy)
    (copy / "metrics.json").write_text(json.dumps({"reconstruction_error": 9.0}))
    result = invoke("compare", out, copy, "--json", "--out", tmp_path / "page.html")
    assert result.exit_code == 0, result.output
    ours, other = json.loads(result.stdout)["runs"]
    assert (ours["run"], other["run"]) == ("digits", "other")
    assert ours["metrics"] == {name: value for name, value in metrics.items() if name != "run"}
    assert other["metrics"] == {"reconstruction_error": 9.0}
    page = (tmp_path / "page.html").read_text()
    for words in ("Runs side by side", "Robustness", "Reconstructions: other"):
        assert words in page
    shown = invoke("compare", out, copy)
    assert "knn_accuracy_bits" in shown.stdout


def test_compare_needs_runs_that_were_evaluated(run, tmp_path):
    copy = tmp_path / "other"
    shutil.copytree(run[0], copy)
    (copy / "metrics.json").unlink()
    for folders, message in (
        ((run[0], copy), f"run `python -m zoo evaluate {copy}` first"),
        ((run[0], run[0]), "must be different folders"),
        ((tmp_path,), "is not a run of `python -m zoo fit`"),
    ):
        result = invoke("compare", *folders)
        assert (result.exit_code, message in result.stderr) == (2, True), result.stderr


class QuickUMAP:
    """In place of the real one, which compiles for longer than all else here takes."""

    def __init__(self, **how):
        pass

    def fit_transform(self, codes):
        return codes[:, :2]


def test_outliers_and_full(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", types.SimpleNamespace(UMAP=QuickUMAP))
    copy = tmp_path / "other"
    shutil.copytree(run[0], copy)
    result = invoke("evaluate", copy, "--outliers", "3,7", "--full", "--json")
    assert result.exit_code == 0, result.output
    metrics = json.loads(result.stdout)
    assert metrics == json.loads((copy / "metrics.json").read_text())
    assert metrics["outliers"] == "label 3,7"
    assert {"anomaly_roc_auc", "anomaly_pca_average_precision", "search_milliseconds"} <= set(
        metrics
    )
    assert "training rows are of the same kind" in (copy / "report.html").read_text()
    result = invoke("evaluate", copy, "--outliers", "nowhere")
    assert (result.exit_code, "There is no data set 'nowhere'" in result.stderr) == (2, True)


def test_vectors_without_labels_of_any_scale(tmp_path):
    x = np.random.default_rng(0).normal(7, 3, (200, 5)).astype("float32")
    np.save(tmp_path / "x.npy", x)
    result = invoke(
        *("fit", "--data", tmp_path / "x.npy", "--variant", "undercomplete", "--code-dim", 2),
        *("--epochs", 2, "--out", tmp_path / "run", "--json"),
    )
    assert result.exit_code == 0, result.output
    assert "precision_at_100" not in json.loads(result.stdout)


def test_list():
    assert "semantic-hash" in invoke("list").output
    listed = json.loads(invoke("list", "--json").stdout)
    assert "dense" in listed["backbones"]
    assert {"name", "code", "summary", "source"} <= set(listed["variants"][0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fit", "--variant", "semantic"), "Did you mean 'semantic-hash'"),
        (("fit", "--code-dim", 0), "positive integer. Received: 0"),
        (("fit", "--data", "digitz"), "Did you mean 'digits'"),
        (("fit", "--epochs", 0), "Received: epochs=0"),
        (("fit", "--option", "noise"), "write NAME=VALUE"),
        (("fit", "--option", "noize=1"), "Did you mean 'noise'"),
        (("fit", "--option", "balance=maybe"), "`balance` must be true or false"),
        (("fit", "--option", "backbone=conv"), "use --backbone"),
        (("fit", "--option", "input_shape=[8]"), "it is that of the data"),
        (("fit", "--resume"), "is not a run"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, message, tmp_path):
    result = invoke(*arguments, "--out", tmp_path / "run")
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) <= 4


def test_a_run_is_no_file(tmp_path):
    (tmp_path / "file").write_text("")
    result = invoke("fit", "--out", tmp_path / "file")
    assert (result.exit_code, "'--out': Directory" in result.stderr) == (2, True)


def test_an_archive_is_not_written_under_another_name(tmp_path):
    result = invoke("data", "digits", "--out", tmp_path / "x.txt")
    assert (result.exit_code, "an archive is named NAME.npz" in result.stderr) == (2, True)


def test_options_are_read_as_json_or_python():
    given = ("a=False", "b=false", "c=None", "d=[1]", "e=(1, 2)", "f=relu", "g=1e-3", "h=x y")
    read = {"a": False, "b": False, "c": None, "d": [1], "e": (1, 2), "f": "relu"}
    assert read_options(given) == read | {"g": 1e-3, "h": "x y"}


def test_a_fit_that_failed_does_not_stand_in_the_way(tmp_path, monkeypatch):
    monkeypatch.setattr("zoo.cli.measure_run", lambda run, model: {})
    x = np.random.default_rng(0).random((40, 5), "float32")
    x[3, 2] = np.nan
    np.save(tmp_path / "x.npy", x)
    fit = ("fit", "--data", tmp_path / "x.npy", "--epochs", 1, "--out", tmp_path / "run")
    refused = invoke(*fit)
    assert (refused.exit_code, "`x_train` must be finite" in refused.stderr) == (2, True)
    np.save(tmp_path / "x.npy", np.nan_to_num(x))
    assert invoke(*fit).exit_code == 0


def test_a_finished_run_is_not_overwritten(run):
    result = invoke("fit", "--out", run[0])
    assert result.exit_code == 2
    assert "--resume" in result.stderr


def test_resuming_refuses_other_options(run):
    config = json.loads((run[0] / "config.json").read_text())
    other = ("--learning-rate", 0.1, "--option", "hidden=[64]", "--drop", "a")
    result = invoke("fit", "--resume", *other, "--batch-size", 128, "--out", run[0])
    assert result.exit_code == 2
    named = "leave out --option hidden=[64], --drop a, --learning-rate 0.1, or"
    assert named in " ".join(result.stderr.split())
    assert json.loads((run[0] / "config.json").read_text()) == config


def test_the_same_command_resumes_with_data_elsewhere(run, tmp_path, monkeypatch):
    monkeypatch.setattr("zoo.cli.measure_run", lambda run, model: {})
    where = ("--data", "digits", "--data-dir", tmp_path, "--epochs", 2)
    result = invoke("fit", "--resume", *where, "--option", "hidden=[32]", "--out", run[0])
    assert result.exit_code == 0, result.output
    assert "--epochs is the total" in result.stderr
    config = json.loads((run[0] / "config.json").read_text())
    assert (config["data_dir"], config["epochs"]) == (str(tmp_path), 2)


def test_a_run_that_is_not_there(tmp_path):
    result = invoke("evaluate", tmp_path)
    assert (result.exit_code, "There is no model" in result.stderr) == (2, True)
