"""Every variant, every backbone and, slowly, every pair of them in every way of training."""

import keras
import pytest

import zoo
from tests.zoo import samples
from tests.zoo.testing import check_export, run_quick_variant_test, run_variant_test

VARIANTS = [entry.name for entry in zoo.list_variants()]

# What a variant needs in place of the sizes that all others get.
NEEDS = {
    "convolutional-winner-take-all": {"code_dim": 72, "filters": (8,)},
    "linear": {"hidden": ()},
}

# The one backbone of a variant that refuses all others, and names it.
ONLY = {"convolutional-winner-take-all": "conv", "linear": "dense", "masked-patches": "vit"}
REFUSED = {
    (name, data): f"backbone='{only}'"
    for name, only in ONLY.items()
    for data in samples.names()
    if name in VARIANTS and data != only
}

PAIRS = [
    (name, data) for name in VARIANTS for data in samples.names() if (name, data) not in REFUSED
]

# A recurrent decoder has no dense layer that reads the code: these refuse it, and name the
# options with which they do not want one.
WITHOUT_ATOMS = {
    name: {"unit_norm": False, "resample_every": 0}
    for name in ("batch-top-k", "gated", "jump-relu", "top-k")
} | {"sparse-l1": {"unit_norm": False}}


def make(name, data=None):
    data = data or ONLY.get(name, "dense")
    options = {"code_dim": 8, **samples.sample(data).options, **NEEDS.get(name, {})}
    if data == "recurrent":
        options |= WITHOUT_ATOMS.get(name, {})
    return zoo.create(name, **options)


# Passes for what learns slowly: codes that are drawn say little at first.
EPOCHS = {"variational": 30}

# These have quick tests of their own; the walk over them takes a quarter of a minute each.
HEAVY = {"masked-patches", *samples.names()} - {"conv", "dense", "gradients"}


def quick(names):
    return [pytest.param(n, marks=pytest.mark.slow) if n in HEAVY else n for n in names]


@pytest.mark.parametrize("name", quick(VARIANTS))
def test_variant(name, tmp_path):
    x = samples.sample(ONLY.get(name, "dense")).x
    ae = run_quick_variant_test(lambda: make(name), x, tmp_path / "model.keras")
    assert ae.encoder.output_shape == (None, ae.code.size)


@pytest.mark.parametrize("data", quick(samples.names()))
def test_backbone(data, tmp_path):
    x = samples.sample(data).x
    run_quick_variant_test(lambda: make("undercomplete", data), x, tmp_path / "model.keras")


def test_every_backbone_has_a_sample():
    used = {samples.sample(data).options["backbone"] for data in samples.names()}
    assert used == set(zoo.list_backbones())


@pytest.mark.parametrize(("name", "data"), REFUSED)
def test_pair_is_refused(name, data):
    options = {"code_dim": 8, **samples.sample(data).options}
    with pytest.raises(ValueError, match=REFUSED[name, data]):
        zoo.create(name, **options)


@pytest.mark.parametrize("name", WITHOUT_ATOMS)
def test_a_recurrent_decoder_has_no_atoms(name):
    with pytest.raises(ValueError, match=r"\(unit_norm=False and resample_every=0 do neither\)"):
        zoo.create(name, code_dim=8, **samples.sample("recurrent").options)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["plain", "jit", "mixed_bfloat16"])
@pytest.mark.parametrize(("name", "data"), PAIRS)
def test_pair(name, data, how, tmp_path):
    x = samples.sample(data).x
    if how == "jit" and samples.sample(data).is_text:
        pytest.skip("XLA knows no strings: such models are never compiled by it")
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16" if how == "mixed_bfloat16" else "float32")
    try:
        ae = run_variant_test(
            lambda: make(name, data),
            x,
            tmp_path / "model.keras",
            jit_compile=how == "jit",
            epochs=EPOCHS.get(name, 3),
        )
        tolerance = 0.02 if how == "mixed_bfloat16" else 1e-4
        check_export(ae, x, str(tmp_path / "encoder"), tolerance)
    finally:
        keras.config.set_dtype_policy(policy)
