import numpy as np
import pytest

import zoo
from tests.zoo.testing import run_variant_test

VARIANTS = [entry.name for entry in zoo.list_variants()]


@pytest.fixture(scope="module")
def x():
    """Images of a bright square at a random place: something that can be learned."""
    rng = np.random.default_rng(0)
    images = np.zeros((192, 6, 6, 1), "float32")
    for image, (i, j) in zip(images, rng.integers(0, 4, (192, 2)), strict=True):
        image[i : i + 3, j : j + 3] = 1
    return images


@pytest.mark.parametrize("backbone", zoo.list_backbones())
@pytest.mark.parametrize("name", VARIANTS)
def test_variant(name, backbone, x, tmp_path):
    def make():
        return zoo.create(name, input_shape=(6, 6, 1), code_dim=8, backbone=backbone)

    ae = run_variant_test(make, x, tmp_path / "model.keras")
    assert ae.encoder.output_shape == (None, 8)


@pytest.mark.parametrize("name", VARIANTS)
def test_variant_jitted(name, x, tmp_path):
    run_variant_test(
        lambda: zoo.create(name, input_shape=(6, 6, 1), code_dim=8, hidden=(16,)),
        x,
        tmp_path / "model.keras",
        jit_compile=True,
    )
