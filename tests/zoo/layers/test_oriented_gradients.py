import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.testing import run_layer_test
from zoo.layers import OrientedGradients

RIGHT, DOWN = 0, 2  # bins of 8 directions


def edge(horizontal=False):
    image = np.zeros((1, 14, 14, 1), "float32")
    image[:, :, 7:] = 1
    return image.transpose(0, 2, 1, 3) if horizontal else image


@pytest.mark.parametrize(
    ("shape", "expected"), [((28, 28, 1), (7, 7, 8)), ((9, 20, 3), (5, 10, 8))]
)
def test_layer(shape, expected):
    inputs = np.random.default_rng(0).random((3, *shape)).astype("float32")
    run_layer_test(OrientedGradients(), inputs, expected)


def test_an_edge_votes_for_its_direction_where_it_is():
    cells = np.asarray(OrientedGradients(cell=2)(edge()))[0]
    assert cells.sum(axis=(0, 1)).argmax() == RIGHT
    assert cells[..., RIGHT].sum() > 0.99 * cells.sum()
    assert cells[3, [0, 1, 5, 6], RIGHT].max() < 1e-3
    turned = np.asarray(OrientedGradients(cell=2)(edge(horizontal=True)))[0]
    np.testing.assert_allclose(turned[..., DOWN], cells[..., RIGHT].T, atol=1e-5)


def test_neither_contrast_nor_brightness_matters():
    image = np.random.default_rng(0).random((2, 12, 12, 1)).astype("float32")
    layer = OrientedGradients()
    np.testing.assert_allclose(layer(0.3 * image + 0.5), layer(image), atol=1e-3)


def test_mean_square_is_one_and_a_blank_image_is_zero():
    image = np.random.default_rng(0).random((1, 28, 28, 1)).astype("float32")
    assert np.mean(np.square(OrientedGradients()(image))) == pytest.approx(1, rel=0.2)
    assert not np.asarray(OrientedGradients()(np.ones((1, 28, 28, 1), "float32"))).any()


def test_slopes_are_finite_on_flat_ground():
    image = tf.constant(edge())
    with tf.GradientTape() as tape:
        tape.watch(image)
        total = keras.ops.sum(OrientedGradients()(image))
    assert np.isfinite(tape.gradient(total, image)).all()


@pytest.mark.parametrize("options", [{"bins": 1}, {"cell": 0}])
def test_wrong_options(options):
    with pytest.raises(ValueError, match="Received"):
        OrientedGradients(**options)


def test_wants_images():
    with pytest.raises(ValueError, match="wants images"):
        OrientedGradients()(np.ones((2, 5), "float32"))
