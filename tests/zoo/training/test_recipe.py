import numpy as np
import pytest
import scipy.sparse

from zoo.datasets import Dataset, SparseRows
from zoo.training import Run, fit_run
from zoo.training.recipe import complete

CONFIG = {
    "data_dir": None,
    "variant": "semantic-hash",
    "backbone": None,
    "code_dim": 8,
    "likelihood": None,
    "batch_size": 50,
    "learning_rate": 1e-3,
    "seed": 0,
    "epochs": None,
    "options": {},
}
IMAGES = Dataset("images", np.zeros((300, 8, 8, 1), "uint8"), np.zeros((2, 8, 8, 1), "uint8"))
VECTORS = Dataset("vectors", np.zeros((300, 5), "float32"), np.zeros((2, 5), "float32"))
COUNTS = SparseRows(scipy.sparse.csr_array(np.ones((300, 5))))
COUNTS = Dataset("counts", COUNTS, COUNTS)


def recipe(dataset, **config):
    return complete({**CONFIG, **config}, dataset, len(dataset.x_train))


@pytest.mark.parametrize(
    ("dataset", "backbone"), [(IMAGES, "gradients"), (VECTORS, "dense"), (COUNTS, "text")]
)
def test_hash_codes_are_taught_neighbours_by_default(dataset, backbone):
    chosen = recipe(dataset)
    assert (chosen["backbone"], chosen["neighbours"], chosen["epochs"]) == (backbone, 30, 83)
    assert recipe(dataset, neighbours=0)["backbone"] == backbone.replace("gradients", "dense")
    assert recipe(dataset, variant="undercomplete")["neighbours"] == 0


def test_what_the_user_says_goes():
    assert recipe(IMAGES, backbone="conv", epochs=3, neighbours=5) == {
        **CONFIG,
        "backbone": "conv",
        "epochs": 3,
        "neighbours": 5,
    }
    options = recipe(COUNTS, options={"corruption": "gaussian", "hidden": [3]})["options"]
    assert options == {"corruption": "gaussian", "hidden": [3]}
    assert recipe(COUNTS, options={"hidden": [3]})["options"]["corruption"] == "masking"


def test_few_rows_are_not_taught():
    with pytest.warns(UserWarning, match=r"300 training rows .* 200 bits .* wants 401 or more"):
        assert recipe(VECTORS, code_dim=200)["neighbours"] == 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"neighbours": -1}, "must not be negative"),
        ({"neighbours": 3, "variant": "variational"}, "is for variants that can be taught"),
    ],
)
def test_wrong_neighbours(wrong, message):
    with pytest.raises(ValueError, match=f"`neighbours` {message}"):
        recipe(VECTORS, **wrong)


def test_a_run_keeps_the_codes_that_it_teaches(tmp_path):
    x = np.random.default_rng(0).normal(size=(120, 6)).astype("float32")
    np.save(tmp_path / "x.npy", x)
    config = {**CONFIG, "data": str(tmp_path / "x.npy"), "options": {"hidden": [8]}, "epochs": 1}
    run = Run(tmp_path / "run")
    fit_run(run, config, progress=False)
    kept = np.load(run.codes_file)
    assert kept.dtype == np.uint8
    assert kept.shape[1] == 1
    assert "code_error" in run.read_history()[0]
    np.save(run.codes_file, 255 - kept)
    fit_run(run, {**config, "epochs": 2}, progress=False)
    np.testing.assert_array_equal(np.load(run.codes_file), 255 - kept)
    before, after = run.read_history()
    assert after["code_error"] > before["code_error"]
    np.save(run.codes_file, kept[1:])
    with pytest.raises(ValueError, match="does not fit the training rows"):
        fit_run(run, {**config, "epochs": 3}, progress=False)
