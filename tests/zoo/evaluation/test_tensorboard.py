import json
import urllib.parse
import urllib.request

import matplotlib.figure
import numpy as np
import pytest
import tensorboard.program
import tensorflow as tf

from zoo.datasets import Dataset
from zoo.evaluation import tensorboard as evaluation_tensorboard
from zoo.evaluation.page import Page


@pytest.fixture(scope="module")
def logged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "tensorboard"
    x = np.random.default_rng(0).integers(0, 255, (7, 4, 5, 1), "uint8")
    y = np.arange(7) % 2
    codes = np.arange(21, dtype="float32").reshape(7, 3)
    page = Page("some")
    page.add("Map", figure=matplotlib.figure.Figure((1, 1)), name="map")
    for value in (0.5, 0.25):  # the second time replaces the first
        evaluation_tensorboard.log(
            folder / "evaluation",
            page,
            {"error": value, "robustness": [], "outliers": "3"},
            codes,
            Dataset("d", x, x, y, y),
            step=3,
        )
    return folder, codes


@pytest.fixture(scope="module")
def get(logged):
    """Fetches from a real TensorBoard over the log folder."""
    program = tensorboard.program.TensorBoard()
    program.configure(argv=[None, "--logdir", str(logged[0]), "--port", "0", "--load_fast=false"])
    address = program.launch()

    def fetch(path, **query):
        url = f"{address}data/plugin/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.read()

    return fetch


def test_the_projector_shows_codes_labels_and_thumbnails(logged, get):
    assert json.loads(get("projector/runs")) == ["evaluation"]
    of_codes = {"run": "evaluation", "name": "codes"}
    [embedding] = json.loads(get("projector/info", run="evaluation"))["embeddings"]
    assert embedding["sprite"]["singleImageDim"] == [5, 4]
    vectors = np.frombuffer(get("projector/tensor", **of_codes), "float32")
    np.testing.assert_array_equal(vectors.reshape(7, 3), logged[1])
    lines = get("projector/metadata", **of_codes).decode().splitlines()
    assert lines[:3] == ["row\tlabel", "0\t0", "1\t1"]
    assert get("projector/sprite_image", **of_codes).startswith(b"\x89PNG")


def test_numbers_and_pictures_are_logged_once(logged):
    from tensorboard.backend.event_processing import event_accumulator

    events = event_accumulator.EventAccumulator(str(logged[0] / "evaluation")).Reload()
    assert set(events.Tags()["tensors"]) == {"evaluation/error", "map"}
    [event] = events.Tensors("evaluation/error")
    assert (event.step, tf.make_ndarray(event.tensor_proto)) == (3, 0.25)
