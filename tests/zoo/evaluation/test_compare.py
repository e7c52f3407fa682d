import pathlib

import pytest

from zoo.evaluation.compare import (
    Measured,
    compare,
    metric_table,
    option_table,
    short_names,
    warnings,
)


def run(name, metrics, **config):
    return Measured(name, pathlib.Path(name), config, metrics, [])


def test_names_are_as_short_as_they_differ():
    paths = [pathlib.Path(p) for p in ("a/x", "b/x", "b/y")]
    assert short_names(paths) == ["a/x", "b/x", "b/y"]
    assert short_names(paths[1:]) == ["x", "y"]
    assert short_names(paths[:1]) == ["x"]


def test_a_run_twice_is_refused():
    with pytest.raises(ValueError, match="Received twice: a/x"):
        short_names([pathlib.Path("a/x"), pathlib.Path("a/../a/x")])


def test_metrics_that_only_some_have():
    runs = [run("a", {"error": 1.0, "robustness": []}), run("b", {"error": 2.0, "bits": 3})]
    assert metric_table(runs) == [
        {"metric": "error", "a": 1.0, "b": 2.0},
        {"metric": "bits", "a": "", "b": 3},
    ]


def test_only_options_that_differ():
    runs = [
        run("a", {}, seed=0, code_dim=8, options={"noise": 4}, versions="1"),
        run("b", {}, seed=0, code_dim=16, options={}, versions="2"),
    ]
    assert option_table(runs) == [
        {"option": "code_dim", "a": 8, "b": 16},
        {"option": "noise", "a": 4, "b": ""},
    ]


def test_other_data_and_outliers_are_told():
    a, b = run("a", {"outliers": "3"}, data_fingerprint="1"), run("b", {}, data_fingerprint="2")
    assert len(warnings([a, b])) == 2
    assert warnings([a, a]) == []


def test_different_units_are_told_and_drawn_apart(tmp_path):
    history = [{"epoch": 0, "val_reconstruction_error": 0.5}]
    runs = [
        Measured(name, tmp_path, {}, {"error_unit": unit, "error": 0.4073}, history)
        for name, unit in (("a", "nats"), ("b", "squared error"))
    ]
    [warning] = warnings(runs)
    assert "nats; squared error" in warning
    page = compare(runs)
    assert [section["name"] for section in page.sections] == ["", "compare-training"]
    assert '<td class="">0.4073</td>' in page.write(tmp_path / "compare.html").read_text()
