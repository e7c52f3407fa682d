"""Models with scales and shifts folded into their weights answer as before."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import export
import zoo
from export import card
from export.folding import Folded

L = keras.layers


def _trained(model):
    """Gives normalisation layers numbers as training would."""
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if "variance" in weight.name:
            weight.assign(rng.uniform(0.5, 2, weight.shape))
        elif "kernel" not in weight.name:
            weight.assign(rng.normal(size=weight.shape))
    return model


def _check(model, folded, names, tolerance=1e-5):
    x = np.random.default_rng(1).normal(size=(5, *model.inputs[0].shape[1:])).astype("float32")
    before = [weight.numpy() for weight in model.weights]
    assert list(folded.folded) == names
    want, got = model(x, training=False), folded(tf.constant(x))
    for a, b in zip(keras.tree.flatten(want), keras.tree.flatten(got), strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)
    for weight, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight, value)
    return x


def _stack(*layers):
    return _trained(keras.Sequential(layers))


def _normal(name, **options):
    return L.BatchNormalization(name=name, **options)


@pytest.mark.parametrize(
    ("layers", "names"),
    [
        ([(6,), L.Dense(4, use_bias=False), _normal("n"), L.ReLU()], ["n"]),
        ([(6,), L.Dense(4, "relu"), _normal("n", scale=False), L.Dense(3, "tanh")], ["n"]),
        ([(6,), L.Dense(4), L.Dropout(0.5), _normal("n", center=False)], ["n"]),
        ([(6,), _normal("a"), L.Dense(4), _normal("b"), _normal("c")], ["a", "b", "c"]),
        ([(5, 3), L.Conv1D(4, 2), _normal("n")], ["n"]),
        ([(6, 6, 3), L.Conv2D(4, 3, padding="same"), _normal("n")], ["n"]),
        ([(6, 6, 4), L.Conv2D(4, 3, padding="same", groups=2), _normal("n")], ["n"]),
        ([(6, 6, 3), L.DepthwiseConv2D(3, depth_multiplier=2), _normal("n")], ["n"]),
        ([(4, 4, 3), L.Conv2DTranspose(5, 3, 2), _normal("n")], ["n"]),
        ([(6, 6, 3), L.Rescaling(2.0, -1.0, name="s"), L.Conv2D(4, 3)], ["s"]),
        ([(6, 6, 3), L.Rescaling(2.0, name="s"), L.Conv2D(4, 3, padding="same")], ["s"]),
        # No layer beside can do it:
        ([(6, 6, 3), L.Rescaling(2.0, -1.0), L.Conv2D(4, 3, padding="same")], []),
        ([(6,), L.Dense(4, "relu"), _normal("n"), L.ReLU()], []),
        ([(6, 6, 4), _normal("n", axis=1), L.Conv2D(4, 3)], []),
        ([(6,), L.Dense(4), L.LayerNormalization()], []),
    ],
)
def test_stacks(layers, names):
    model = _stack(keras.Input(layers[0]), *layers[1:])
    folded = Folded(model)
    _check(model, folded, names)
    assert len(folded.layers) == len(names) - (len(names) == 3) * 2


def test_statistics_of_preprocessing():
    scale = L.Normalization(name="standardise")
    scale.adapt(np.random.default_rng(0).normal(3, 2, (50, 6)))
    model = _stack(keras.Input((6,)), scale, L.Dense(4))
    _check(model, Folded(model), ["standardise"])


def test_output_that_others_read_is_left_alone():
    inputs = keras.Input((6,))
    x = L.Dense(6)(inputs)
    y = _normal("shared_input")(x)
    z = L.ReLU()(L.Add()([x, y]))
    twice = L.Dense(6)
    z = twice(_normal("second_reader")(twice(z)))
    model = _trained(keras.Model(inputs, [z, y]))
    _check(model, Folded(model), [])


def test_nested_models_and_several_outputs():
    inner = _stack(keras.Input((6,)), L.Dense(4), _normal("n"))
    inner.name = "inner"
    inputs = keras.Input((6,), name="x")
    x = inner(inputs)
    outputs = {"a": x, "b": _normal("m")(L.Dense(2)(x))}
    model = _trained(keras.Model(inputs, outputs))
    folded = Folded(model)
    x = _check(model, folded, ["inner/n", "m"])
    assert list(folded(x)) == ["a", "b"]
    graph = tf.function(folded).get_concrete_function(tf.TensorSpec((None, 6)))
    assert len(graph.variables) == 4  # two kernels, two biases


def test_model_with_a_call_of_its_own_runs_as_it_is():
    class Doubled(keras.Model):
        def call(self, inputs):
            return 2 * super().call(inputs)

    inputs = keras.Input((6,))
    model = Doubled(inputs, _normal("n")(L.Dense(4)(inputs)))
    _check(model, Folded(model), [])


@pytest.mark.slow
def test_published_with_the_endpoints_asked_for(tmp_path):
    model = _stack(keras.Input((6,), name="x"), L.Dense(8), _normal("n"), L.ReLU(), L.Dense(3))
    how = {"name": "m", "thresholds": np.zeros(3), "batch_sizes": (1,), "optimize": True}
    path = export.publish_encoder(model, tmp_path, endpoints=["hash"], precision="int8", **how)
    described = card.read(path)
    assert described["folded"] == ["n"]
    assert len(described["variables"]) == 6  # two kernels with scales, two biases
    assert described["checks"]["plain_rows_per_second"] > 0
    assert set(tf.saved_model.load(str(path)).signatures) == {"hash", "serving_default"}
    with pytest.raises(ValueError, match=r"endpoints must be of embed, hash, .*Received: decode"):
        export.publish_encoder(model, tmp_path, endpoints=["decode"], **how)


@pytest.mark.slow
def test_where_nothing_can_be_folded(hasher, images, tmp_path):
    path = export.publish(hasher, tmp_path, name="m", examples=images, optimize=True)
    described = card.read(path)
    assert described["folded"] == ["balance"]
    ae = zoo.create("undercomplete", (4,), 2, hidden=(3,))
    path = export.publish(ae, tmp_path, name="n", optimize=True, endpoints=["embed"])
    assert card.read(path)["folded"] == []
    assert "plain_bytes" not in card.read(path)["checks"]
