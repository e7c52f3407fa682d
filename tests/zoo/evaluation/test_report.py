import csv

import keras
import numpy as np
import pytest

import zoo
import zoo.datasets
from zoo.datasets import Dataset
from zoo.evaluation import evaluate
from zoo.evaluation.component_names import component_names
from zoo.evaluation.report import build_report
from zoo.evaluation.report_rows import extremes, without_missing

CONFIG = {"variant": "undercomplete", "backbone": "dense", "likelihood": None, "options": {"a": 1}}


def report(ae, dataset, history=()):
    return build_report(ae, dataset, evaluate(ae, dataset), list(history), [], CONFIG)


def options(page):
    return dict(page.sections[-1]["rows"])


@pytest.fixture
def table(tmp_path):
    """A table of ten rows, of which one is held out for testing."""
    with (tmp_path / "people.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["age", "job", "weight"])
        writer.writerows([20 + i, "ab"[i % 2], i * i] for i in range(10))
    return zoo.datasets.load(str(tmp_path / "people.csv"))


def test_one_row_of_a_table_to_test_on(table):
    ae = zoo.create("undercomplete", (3,), 2, backbone="tabular", adapt=table.x_train, hidden=[4])
    page = report(ae, table, [{"epoch": 0, "loss": 1.0}])
    assert component_names(ae, table) == ["age", "weight", "job = a", "job = b"]
    assert "1 epoch" in page.subtitle.split(", ")
    headings = [section["heading"] for section in page.sections]
    assert headings == ["Measured on the test rows", "Reconstructions", "Training", "Options"]
    assert options(page)["likelihood"] == "table:2,2"
    assert options(page)["options: a"] == "1"


@pytest.mark.parametrize("shape", [(7,), (6, 2)])
def test_one_row_of_numbers_to_test_on(shape):
    x = np.random.default_rng(0).random((4, *shape)).astype("float32")
    ae = zoo.create("undercomplete", shape, 2, hidden=[4])
    page = report(ae, Dataset("few", x[:3], x[3:]))
    measured = next(s for s in page.sections if s["heading"] == "Measured on the test rows")
    [meaning] = [row[2] for row in measured["rows"] if row[0] == "reconstruction_error"]
    assert meaning == "mean of the test rows, in nats per component"


def test_missing_categories_are_not_drawn():
    rows = np.array([[0.5, 1, 0, 0, 0], [np.nan, 0, 0, 1, 0]])
    np.testing.assert_equal(
        without_missing(rows, "table:1,2,2"),
        [[0.5, 1, 0, np.nan, np.nan], [np.nan, np.nan, np.nan, 1, 0]],
    )


def test_words_of_the_best_and_the_worst():
    texts = np.array(["cat dog", "dog milk", "milk cat", "cat cat dog"], object)
    ae = zoo.create("undercomplete", (), 2, backbone="text", adapt=texts, hidden=[4])
    page = report(ae, Dataset("few", texts, texts))
    best = next(s for s in page.sections if s["heading"] == "Best, median, worst")
    assert best["columns"] == ["row", "words", "expected"]
    assert [row[0].split()[0] for row in best["rows"]] == ["best", "median", "worst"]


@pytest.mark.parametrize("rows", [2, 3, 10, 11, 100])
def test_no_row_stands_twice_among_the_extremes(rows):
    errors = np.random.default_rng(rows).permutation(rows).astype(float)
    chosen = extremes(errors, 4)
    shown = np.concatenate(list(chosen.values()))
    assert len(set(shown)) == len(shown)
    if rows > 2:
        assert errors[chosen["best"][0]] == 0
        assert errors[chosen["worst"][0]] == rows - 1
        assert abs(errors[chosen["median"]].mean() - (rows - 1) / 2) <= 0.5


def test_a_report_at_the_width_of_a_telephone(table, tmp_path, browser):
    keras.utils.set_random_seed(0)
    ae = zoo.create("undercomplete", (3,), 2, backbone="tabular", adapt=table.x_train, hidden=[4])
    page = report(ae, table, [{"epoch": 0, "loss": 1.0, "reconstruction_error": 0.5}])
    view = browser.new_page(viewport={"width": 400, "height": 800})
    view.goto(page.write(tmp_path / "report.html").as_uri())
    assert view.evaluate("document.documentElement.scrollWidth") <= 400
    shrunk = "all => all.map(i => i.width / i.naturalWidth)"
    assert min(view.locator("img").evaluate_all(shrunk)) >= 0.8
    lines = """all => Math.max(...all.map(cell => {
        const range = document.createRange();
        range.selectNodeContents(cell);
        return range.getClientRects().length;
    }))"""
    assert view.locator("td:not(.long)").evaluate_all(lines) == 1
    view.close()
