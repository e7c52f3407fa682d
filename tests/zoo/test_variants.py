"""Every variant, every backbone and, slowly, every pair of them in every way of training."""

import keras
import numpy as np
import pytest

import zoo
from tests.zoo.testing import check_export, run_quick_variant_test, run_variant_test

VARIANTS = [entry.name for entry in zoo.list_variants()]
# Those for images; the others have data, and tests, of their own.
BACKBONES = [
    name for name in ("conv", "dense", "gradients", "resnet", "vit") if name in zoo.list_backbones()
]

# What a variant needs in place of the sizes that all others get.
NEEDS = {
    "convolutional-winner-take-all": {"code_dim": 72, "filters": (8,)},
    "linear": {"hidden": ()},
}

# The one backbone of a variant that refuses all others, and what its sentence names.
ONLY = {"convolutional-winner-take-all": "conv", "linear": "dense", "masked-patches": "vit"}
REFUSED = [
    (name, backbone)
    for name, only in ONLY.items()
    for backbone in BACKBONES
    if name in VARIANTS and backbone != only
]

PAIRS = [
    (name, backbone)
    for name in VARIANTS
    for backbone in BACKBONES
    if (name, backbone) not in REFUSED
]


@pytest.fixture(scope="module")
def x():
    """Images of a bright square at a random place: something that can be learned."""
    rng = np.random.default_rng(0)
    images = np.zeros((192, 6, 6, 1), "float32")
    for image, (i, j) in zip(images, rng.integers(0, 4, (192, 2)), strict=True):
        image[i : i + 3, j : j + 3] = 1
    return images


def make(name, backbone=None):
    backbone = backbone or ONLY.get(name, "dense")
    small = {"hidden": (16,)}
    small = {"dense": small, "gradients": small, "conv": {"filters": (4, 8)}}.get(backbone, {})
    options = {"code_dim": 8, **small} | NEEDS.get(name, {})
    return zoo.create(name, input_shape=(6, 6, 1), backbone=backbone, **options)


# These have quick tests of their own; the walk over them takes a quarter of a minute each.
HEAVY = {"masked-patches", "resnet", "vit"}


def quick(names):
    return [pytest.param(n, marks=pytest.mark.slow) if n in HEAVY else n for n in names]


@pytest.mark.parametrize("name", quick(VARIANTS))
def test_variant(name, x, tmp_path):
    ae = run_quick_variant_test(lambda: make(name), x, tmp_path / "model.keras")
    assert ae.encoder.output_shape == (None, ae.code.size)


@pytest.mark.parametrize("backbone", quick(BACKBONES))
def test_backbone(backbone, x, tmp_path):
    run_quick_variant_test(lambda: make("undercomplete", backbone), x, tmp_path / "model.keras")


@pytest.mark.parametrize(("name", "backbone"), REFUSED)
def test_pair_is_refused(name, backbone):
    with pytest.raises(ValueError, match=f"backbone='{ONLY[name]}'"):
        zoo.create(name, input_shape=(6, 6, 1), code_dim=8, backbone=backbone)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["plain", "jit", "mixed_bfloat16"])
@pytest.mark.parametrize(("name", "backbone"), PAIRS)
def test_pair(name, backbone, how, x, tmp_path):
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16" if how == "mixed_bfloat16" else "float32")
    try:
        ae = run_variant_test(
            lambda: make(name, backbone), x, tmp_path / "model.keras", jit_compile=how == "jit"
        )
        tolerance = 0.02 if how == "mixed_bfloat16" else 1e-4
        check_export(ae, x, str(tmp_path / "encoder"), tolerance)
    finally:
        keras.config.set_dtype_policy(policy)
