import keras
import numpy as np
import pytest

import zoo
from tests.zoo.testing import run_quick_variant_test, run_variant_test


@pytest.fixture(scope="module")
def x():
    base = np.random.default_rng(0).random((160, 2), "float32")
    return np.clip(np.hstack([base, 1 - base, base, base]), 0, 1)


@pytest.mark.parametrize(
    ("name", "options", "way", "check"),
    [
        ("contractive", {"hidden": ()}, "closed-form", run_quick_variant_test),
        ("contractive", {"hidden": (16,), "method": "probe"}, "probe", run_variant_test),
        (
            "higher-order-contractive",
            {"hidden": (16,), "corruption": "gaussian"},
            "reverse",
            run_quick_variant_test,
        ),
    ],
)
def test_contractive(name, options, way, check, x, tmp_path):
    ae = check(
        lambda: zoo.create(name, (8,), 4, weight=1e-3, **options), x, tmp_path / "model.keras"
    )
    assert ae.get_layer("jacobian_penalty").way == way
    assert not [v.path for v in ae.encoder.variables if "penalty" in v.path]
    logs = ae.evaluate(x, verbose=0, return_dict=True)
    assert logs["jacobian_penalty"] > 0


def test_the_weight_is_against_the_summed_error(x):
    ae = zoo.create("contractive", (8,), 4, hidden=(), weight=0.4)
    ae.compile(optimizer="sgd")
    logs = ae.evaluate(x, verbose=0, return_dict=True, batch_size=160)
    expected = logs["reconstruction_error"] + 0.4 / 8 * logs["jacobian_penalty"]
    assert logs["loss"] == pytest.approx(expected, rel=1e-5)


def test_it_contracts(x):
    norms = {}
    for weight in (0.0, 1.0):
        keras.utils.set_random_seed(0)
        ae = zoo.create("contractive", (8,), 4, hidden=(), weight=weight)
        ae.compile(optimizer=keras.optimizers.SGD(1.0, momentum=0.9), jit_compile=False)
        ae.fit(x, epochs=15, verbose=0)
        norms[weight] = ae.evaluate(x, verbose=0, return_dict=True)["jacobian_penalty"]
    assert norms[1.0] < 0.7 * norms[0.0]
