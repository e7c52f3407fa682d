"""Every kind of data, from a file to a run that was measured and goes on."""

import json

import click.testing
import numpy as np
import pytest
import tensorflow as tf

import zoo.datasets
from zoo.cli import cli
from zoo.evaluation import evaluate
from zoo.evaluation.report import build_report
from zoo.training import Run, fit_run

rng = np.random.default_rng(0)
WORDS = (["cat", "dog", "mouse"], ["bread", "wine", "soup"])
CONFIG = {
    "data_dir": None,
    "variant": "undercomplete",
    "backbone": None,
    "code_dim": 2,
    "likelihood": None,
    "batch_size": 20,
    "learning_rate": 1e-2,
    "seed": 0,
    "epochs": 1,
    "options": {"hidden": [4]},
}


def text(path):
    lines = [f'"{" ".join(rng.choice(WORDS[i % 2], 5))}",{"ab"[i % 2]}' for i in range(80)]
    path.with_suffix(".csv").write_text("t,kind\n" + "\n".join(lines))
    return path.with_suffix(".csv"), {"text": "t", "label": "kind"}, {}


def table(path):
    lines = [f"{i % 7},{'xy'[i % 2]},{'ab'[i % 2]}" for i in range(80)]
    path.with_suffix(".csv").write_text("n,c,kind\n" + "\n".join(lines))
    return path.with_suffix(".csv"), {"label": "kind"}, {}


def counts(path):
    x = rng.poisson(1.0, (80, 6)).astype("float32")
    labels = np.stack([x[:, 0] > 0, x[:, 1] > 0], axis=1).astype("uint8")
    split = {"s_train": np.arange(60), "s_test": np.arange(60, 80)}
    np.savez(
        path.with_suffix(".npz"), labels=labels, **split, **zoo.datasets.SparseRows(x).arrays()
    )
    return path.with_suffix(".npz"), {}, {}


def series(path):
    x = rng.normal(3, 2, (80, 5, 2)).astype("float32")
    x[::3, 3:] = np.nan
    np.savez(path.with_suffix(".npz"), x=x)
    return path.with_suffix(".npz"), {}, {"options": {"units": [4]}}


@pytest.mark.parametrize(
    ("make", "backbone", "likelihood"),
    [
        (text, "text", "multinomial"),
        (table, "tabular", "table:1,2"),
        (counts, "text", "multinomial"),
        (series, "sequence", "gaussian"),
    ],
)
def test_fit_resume_and_evaluate(make, backbone, likelihood, tmp_path):
    file, reading, changed = make(tmp_path / "data")
    config = CONFIG | {"data": str(file), "reading": reading} | changed
    run = Run(tmp_path / "run")
    model = fit_run(run, config, progress=False)
    config = run.read_json(run.config_file)
    assert (config["backbone"], model.likelihood) == (backbone, likelihood)
    if make is text:
        model = fit_run(run, config | {"epochs": 2}, progress=False)
        assert [row["epoch"] for row in run.read_history()] == [0, 1]
    dataset = zoo.datasets.load_for(config)
    measured = evaluate(model, dataset)
    assert np.isfinite(measured.metrics["reconstruction_error"])
    assert ("linear_accuracy" in measured.metrics) == (make in (text, table))
    assert ("mean_average_precision_raw_input" in measured.metrics) == (make is not series)
    if make is text:
        page = build_report(model, dataset, measured, run.read_history(), [], config)
        [section] = [s for s in page.sections if s["heading"] == "Words"]
        words = {word for *_, expected in section["rows"] for word in expected.split(", ")}
        assert {"cat", "wine"} <= words


def test_preprocessing_learns_from_training_rows_alone(tmp_path):
    file, reading, _ = text(tmp_path / "data")
    dataset = zoo.datasets.load(file, **reading)
    dataset.x_test[:] = "unheard"
    dataset.save(tmp_path / "data.npz")
    run = Run(tmp_path / "run")
    model = fit_run(run, CONFIG | {"data": str(tmp_path / "data.npz")}, progress=False)
    words = model.get_layer("bag_of_words").get_vocabulary()
    assert "unheard" not in words
    assert {"cat", "wine"} <= set(words)
    codes = model.encoder(tf.constant(["unheard", "unheard of", "cat"]))
    np.testing.assert_array_equal(codes[0], model.encoder(tf.constant(["neverheard"]))[0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--backbone", "dense"), "Texts want backbone='text'. Received: backbone='dense'"),
        (("--text", "tt"), "has no column 'tt'. Columns: t, kind"),
        (("--image-size", "3"), "write HEIGHTxWIDTH"),
        (("--image-size", "3x3"), "image_size is not for data of this kind"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(options, message, tmp_path):
    file, _, _ = text(tmp_path / "data")
    arguments = [
        "fit",
        "--data",
        str(file),
        "--text",
        "t",
        *options,
        "--out",
        str(tmp_path / "run"),
    ]
    result = click.testing.CliRunner().invoke(cli, arguments)
    assert (result.exit_code, message in result.stderr) == (2, True), result.stderr


def test_data_tells_the_kind(tmp_path):
    file, _, _ = table(tmp_path / "data")
    arguments = ["data", str(file), "--label", "kind", "--out", str(tmp_path / "o.npz"), "--json"]
    result = click.testing.CliRunner().invoke(cli, arguments)
    assert json.loads(result.stdout)["kind"] == "table"
