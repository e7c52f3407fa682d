import json

import numpy as np
import pytest

from serving.index import HashIndex
from tests.examples.conftest import run
from zoo.datasets import Dataset
from zoo.training import Run


def versions(folder):
    return sorted(p.name for p in (folder / "models" / "demo").iterdir() if p.name.isdecimal())


def test_prints_the_commands_and_the_metrics(demo):
    folder, printed = demo
    for words in ("zoo data", "zoo fit", "export publish", "serving up"):
        assert f"$ python -m {words}" in printed
    for words in ("binarized_error", "rows/s", "queries with a result", "report.html"):
        assert words in printed
    assert versions(folder) == ["1"]


def test_the_index_holds_the_codes_of_the_keras_model(demo):
    """From images over gRPC into the index: the same codes as in the training process."""
    folder, _ = demo
    model = Run(folder / "run").load_model()
    with np.load(folder / "data.npz") as arrays:
        x = arrays["x_train"]
    codes = np.packbits(np.asarray(model.binarize(model.encoder(x))).astype("uint8"), axis=1)
    with HashIndex.open(folder / "index", bits=16) as index:
        assert len(index) == len(x)
        for i, match in enumerate(index.lookup(codes)):
            assert set(match.ids) == set(np.flatnonzero((codes == codes[i]).all(1)))


@pytest.mark.slow
def test_running_it_again_keeps_the_model_and_publishes_a_version(demo):
    folder, _ = demo
    before = json.loads((folder / "run" / "metrics.json").read_text())
    run("-m", "examples.demo", "--data", folder.parent / "few.npz", "--out", folder)
    assert json.loads((folder / "run" / "metrics.json").read_text()) == before
    assert versions(folder) == ["1", "2"]


@pytest.mark.slow
def test_texts_go_in_as_they_are(tmp_path):
    rng = np.random.default_rng(0)
    words = (["cat", "dog", "mouse", "milk"], ["bread", "wine", "soup", "salt"])
    texts = np.array([" ".join(rng.choice(words[i % 2], 6)) for i in range(160)], object)
    labels = np.arange(160) % 2
    few = Dataset("few", texts[:120], texts[120:], labels[:120], labels[120:])
    few.save(tmp_path / "few.npz")
    what = ("--data", tmp_path / "few.npz", "--epochs", 4, "--code-dim", 8)
    printed = run("-m", "examples.demo", *what, "--out", tmp_path / "out")
    assert "hashed 120 rows over gRPC" in printed
    page = (tmp_path / "out" / "report.html").read_text()
    assert "neighbour 3" in page
    assert str(texts[120]) in page


@pytest.mark.parametrize("page", ["report.html", "run/report.html"])
@pytest.mark.parametrize("width", [1200, 400])
def test_page_in_a_browser(demo, page, width, browser):
    """Every picture shows, is described, and nothing runs out of the window."""
    folder, _ = demo
    view = browser.new_page(viewport={"width": width, "height": 800})
    errors = []
    view.on("console", lambda message: errors.append(message.text))
    view.on("request", lambda request: errors.append(request.url))
    view.goto((folder / page).as_uri())
    images = view.locator("img")
    assert images.count() >= 5
    assert images.evaluate_all("all => all.every(i => i.complete && i.naturalWidth > 300 && i.alt)")
    assert view.evaluate("document.documentElement.scrollWidth") <= width
    assert view.locator("h1").inner_text()
    assert [e for e in errors if not e.startswith(("file:", "data:"))] == []
    view.close()
