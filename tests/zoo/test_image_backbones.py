import keras
import numpy as np
import pytest

import zoo
from tests.zoo.testing import run_layer_test, run_quick_variant_test
from zoo.backbones.vit import ViT

SMALL = {
    "resnet": {"filters": (4, 8)},
    "vit": {"width": 8, "heads": 2, "encoder_blocks": 1, "patch_size": 3},
}


@pytest.fixture(scope="module")
def x():
    rng = np.random.default_rng(0)
    images = np.zeros((96, 7, 5, 1), "float32")
    for image, (i, j) in zip(images, rng.integers(0, 3, (96, 2)), strict=True):
        image[i : i + 3, j : j + 3] = 1
    return images


@pytest.mark.parametrize("backbone", ["resnet", "vit"])
@pytest.mark.parametrize("shape", [(1, 1, 3), (9, 16, 2)])
def test_any_image_size(backbone, shape):
    ae = zoo.create("undercomplete", shape, 4, backbone=backbone, **SMALL[backbone])
    assert ae.output_shape == (None, *shape)
    assert ae(np.ones((2, *shape), "float32")).shape == (2, *shape)


def test_convolutions_may_be_none():
    ae = zoo.create("undercomplete", (3, 2, 1), 4, backbone="conv", filters=())
    assert ae.output_shape == (None, 3, 2, 1)
    maps = zoo.create(
        "convolutional-winner-take-all", (3, 2, 1), 12, backbone="conv", filters=(), atom_size=3
    )
    assert [layer.name for layer in maps.encoder.layers if "encoder_" in layer.name] == [
        "encoder_input",
        "encoder_maps",
    ]
    assert maps.output_shape == (None, 3, 2, 1)


@pytest.mark.parametrize("backbone", ["resnet", "vit"])
def test_backbone_learns_and_no_example_depends_on_another(backbone, x, tmp_path):
    ae = run_quick_variant_test(
        lambda: zoo.create("undercomplete", (7, 5, 1), 4, backbone=backbone, **SMALL[backbone]),
        x,
        tmp_path / "model.keras",
    )
    alone = np.asarray(ae.encoder(x[:1], training=True))
    np.testing.assert_allclose(ae.encoder(x, training=True)[:1], alone, atol=1e-5)


def masked(**options):
    how = {"patch_size": 2, "width": 8, "heads": 2, "encoder_blocks": 1} | options
    return zoo.create("masked-patches", (7, 5, 1), 4, **how)


def test_masked_patches(x, tmp_path):
    ae = run_quick_variant_test(masked, x, tmp_path / "model.keras")
    assert not [layer for layer in ae.encoder.layers if "drop" in layer.name]
    np.testing.assert_allclose(ae(x), ae.decoder(ae.encoder(x)), atol=1e-6)


def test_the_loss_counts_hidden_patches_alone(x):
    ae = masked(rate=0.5)
    ae.compile(optimizer=keras.optimizers.SGD(0.0), jit_compile=False)
    reconstruction = ae(x, training=True)
    weight = np.asarray(ae._parts.noted["weight"])
    # 4 x 3 patches of 2 x 2 pixels, of which 6 are hidden: a weight of 2 or 0, whole patches.
    assert set(np.unique(weight)) == {0.0, 2.0}
    padded = np.pad(weight, ((0, 0), (0, 1), (0, 1), (0, 0)), mode="edge")
    patches = padded.reshape(96, 4, 2, 3, 2).transpose(0, 1, 3, 2, 4).reshape(96, 12, 4)
    assert (patches == patches[:, :, :1]).all()
    np.testing.assert_array_equal((patches[:, :, 0] > 0).sum(axis=1), 6)
    p = np.clip(np.asarray(reconstruction), 1e-7, 1 - 1e-7)
    errors = -(x * np.log(p) + (1 - x) * np.log(1 - p))
    loss = ae.compute_loss(x=x, y_pred=reconstruction, training=True)
    assert float(loss) == pytest.approx((errors * weight).mean(), rel=1e-4)


def test_what_is_hidden_is_not_read(x):
    tokens = np.random.default_rng(0).normal(size=(5, 8, 3)).astype("float32")
    layer = zoo.layers.DropPatches(0.75, seed=0)
    visible, dropped = map(np.asarray, layer(tokens, training=True))
    assert visible.shape == (5, 2, 3)
    for row, seen, mask in zip(tokens, visible, dropped, strict=True):
        np.testing.assert_array_equal(seen, row[mask == 0])
    everything, nothing = layer(tokens)
    np.testing.assert_array_equal(everything, tokens)
    assert not np.asarray(nothing).any()
    run_layer_test(zoo.layers.PositionEmbedding(), tokens, (8, 3), trainable_weights=1)


def test_patches_are_put_together_where_they_were_cut(x):
    vit = ViT((7, 5, 1), "bernoulli", patch_size=2)
    image = np.arange(35, dtype="float32").reshape(1, 7, 5, 1)
    padded = np.pad(image, ((0, 0), (0, 1), (0, 1), (0, 0)))
    patches = padded.reshape(1, 4, 2, 3, 2).transpose(0, 1, 3, 2, 4).reshape(1, 12, 4)
    np.testing.assert_array_equal(vit.assemble(patches), image)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "masked-patches", "backbone": "dense"}, "wants backbone='vit'"),
        ({"name": "masked-patches", "rate": 0.0}, "hide at least one"),
        ({"name": "masked-patches", "rate": 1.0}, r"rate.*\[0, 1\)"),
        ({"backbone": "vit", "heads": 3}, "heads=3, width=64"),
        ({"backbone": "vit", "input_shape": (8,)}, "height, width, channels"),
        ({"backbone": "resnet", "input_shape": (8,)}, "height, width, channels"),
    ],
)
def test_wrong_options_get_one_sentence(options, message):
    how = {"name": "undercomplete", "input_shape": (8, 8, 1), "code_dim": 4} | options
    with pytest.raises(ValueError, match=message):
        zoo.create(how.pop("name"), **how)
