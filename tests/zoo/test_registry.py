import pytest

import zoo
from zoo.registry import variant


def create(name="semantic-hash", **options):
    return zoo.create(name, **({"input_shape": (8, 8, 1), "code_dim": 4} | options))


def test_variants_and_backbones_are_found_by_their_files():
    names = [entry.name for entry in zoo.list_variants()]
    assert {"semantic-hash", "undercomplete"} <= set(names)
    assert names == sorted(names)
    assert {"conv", "dense"} <= set(zoo.list_backbones())
    assert all(entry.summary and entry.source for entry in zoo.list_variants())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "semantic_hash"}, "Did you mean 'semantic-hash'"),
        ({"backbone": "convolutional"}, "Known: conv, dense"),
        ({"code_dim": 0}, "positive integer. Received: 0"),
        ({"code_dim": 2.5}, "positive integer. Received: 2.5"),
        ({"input_shape": (8, None)}, "input_shape"),
        ({"input_shape": ()}, "input_shape"),
        ({"likelihood": "poisson"}, "bernoulli, gaussian"),
        ({"nois": 1.0}, "Did you mean 'noise'"),
        ({"backbone": "conv", "hidden": (3,)}, "Unknown option 'hidden'"),
        ({"backbone": "conv", "input_shape": (8,)}, "height, width, channels"),
    ],
)
def test_wrong_arguments_get_one_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        create(**options)


def test_a_name_is_taken_once():
    with pytest.raises(ValueError, match="registered already"):
        variant("undercomplete", kind="real", source="")(lambda plan: None)


def test_recipe_says_how_the_model_was_made():
    recipe = create(noise=2.0).recipe
    assert recipe["variant"] == "semantic-hash"
    assert recipe["options"] == {"noise": 2.0}


@pytest.mark.parametrize("shape", [(7, 5, 1), (1, 1, 3), (28, 28, 1), (33, 16, 2)])
def test_conv_takes_any_image_size(shape):
    ae = create(backbone="conv", input_shape=shape)
    assert ae.output_shape == (None, *shape)
