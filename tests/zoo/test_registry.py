import json

import keras
import numpy as np
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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"balance": "foo"}, "`balance` must be true or false. Received: balance='foo'"),
        ({"tied": "maybe"}, "`tied` must be true or false"),
        ({"hidden": 256}, "`hidden` must be a list, each an integer. Received: hidden=256"),
        ({"hidden": "256"}, "`hidden` must be a list"),
        ({"hidden": [2.5]}, "`hidden` must be a list, each an integer"),
        ({"weight_decay": "abc"}, "`weight_decay` must be a finite number"),
        ({"weight_decay": float("nan")}, "`weight_decay` must be a finite number"),
        ({"noise": "abc"}, "`noise` must be a finite number or a schedule"),
        ({"noise": [1]}, "`noise` must be a finite number or a schedule"),
        ({"noise": {"class_name": "No"}}, "`stddev` must be a number of at least 0 or a schedule"),
        ({"noise": True}, "`noise` must be a finite number or a schedule"),
        ({"seed": 1.5}, "`seed` must be an integer or None"),
        ({"code_weight": "abc"}, "`code_weight` must be a finite number"),
        ({"corruption": 3}, "`corruption` must be a string or a layer or None"),
        (
            {"corruption": "masking", "corruption_level": "abc"},
            "`corruption_level` must be a finite number or a schedule .* or None",
        ),
        (
            {"corruption": "masking", "emphasis": "abc"},
            "`emphasis` must be a list, each a finite number, or None",
        ),
        ({"corruption": "masking", "emphasis": (1, 2, 3)}, "`emphasis` must be two weights"),
        ({"backbone": "conv", "filters": 3}, "`filters` must be a list, each an integer"),
        ({"backbone": "resnet", "filters": []}, "`filters` must name at least one stage"),
        ({"backbone": "vit", "patch_size": 0}, "`patch_size` must be a positive integer"),
        ({"backbone": "vit", "heads": 0}, "`heads` must be a positive integer"),
        ({"name": "finite-scalar-quantized", "levels": 2.5}, "`levels` must be an integer or a"),
        ({"name": "k-sparse", "k": "abc"}, "`k` must be an integer or None"),
        ({"name": "k-sparse", "alpha": "abc"}, "`alpha` must be a finite number"),
        ({"name": "variational", "annealing": "abc"}, "`annealing` must be a finite number"),
        ({"name": "sparse-kl", "target": "abc"}, "`target` must be a finite number"),
        ({"name": "missing", "hide": "abc"}, "`hide` must be a finite number or a schedule"),
        ({"name": "missing", "fill": "abc"}, "`fill` must be a finite number"),
        ({"name": "wasserstein", "stddev": "abc"}, "`stddev` must be a finite number"),
        ({"name": "winner-take-all", "rate": "abc"}, "`rate` must be a finite number"),
        ({"name": "jump-relu", "bandwidth": "abc"}, "`bandwidth` must be a finite number"),
        ({"name": "bernoulli-hash", "prior": "abc"}, "`prior` must be a finite number"),
    ],
)
def test_options_of_a_wrong_type_get_one_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        create(**options)


def test_options_are_taken_as_numpy_or_as_a_recipe_writes_them():
    growing = keras.optimizers.schedules.PolynomialDecay(0.0, 10, 1.0)
    ae = create(noise=growing, hidden=(8, 4), balance=np.bool_(True))
    again = create(**(ae.recipe["options"] | {"hidden": [8, 4], "balance": True}))
    assert again.get_layer("saturating_noise").stddev.get_config() == growing.get_config()


def test_a_name_is_taken_once():
    with pytest.raises(ValueError, match="registered already"):
        variant("undercomplete", kind="real", source="")(lambda plan: None)


def test_recipe_says_how_the_model_was_made():
    recipe = create(noise=2.0).recipe
    assert recipe["variant"] == "semantic-hash"
    assert recipe["options"] == {"noise": 2.0}
    assert (recipe["input_dtype"], recipe["preprocessing"]) == ("float32", None)
    recipe = create(preprocessing=keras.layers.Rescaling(0.5), input_dtype="uint8").recipe
    assert recipe["input_dtype"] == "uint8"
    assert keras.saving.deserialize_keras_object(recipe["preprocessing"]).scale == 0.5
    json.dumps(recipe)


@pytest.mark.parametrize("shape", [(7, 5, 1), (1, 1, 3), (28, 28, 1), (33, 16, 2)])
def test_conv_takes_any_image_size(shape):
    ae = create(backbone="conv", input_shape=shape)
    assert ae.output_shape == (None, *shape)
