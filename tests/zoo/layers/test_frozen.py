import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.layers import DeadReconstruction, Frozen

X = np.random.default_rng(0).normal(size=(9, 4)).astype("float32")


def make():
    source = keras.Input((4,))
    hidden = keras.layers.Dense(6, "tanh", name="hidden")(source)
    result = keras.layers.Dense(3, name="last")(hidden)
    return keras.Model(source, [result, Frozen(name="frozen")([source, result])])


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_the_source_learns_as_before_and_the_weights_nothing(policy):
    keras.utils.set_random_seed(0)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        built = make()
    finally:
        keras.config.set_dtype_policy(before)
    assert not built.get_layer("frozen").weights
    clone = keras.models.clone_model(built)
    clone.set_weights(built.get_weights())
    for model in (built, clone):
        x = tf.constant(X)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            result, frozen = model(x)
        np.testing.assert_array_equal(frozen, result)
        np.testing.assert_array_equal(tape.gradient(frozen, x), tape.gradient(result, x))
        weights = [weight.value for weight in model.trainable_variables]
        assert tape.gradient(frozen, weights) == [None] * 4
        assert None not in tape.gradient(result, weights)


def test_a_result_of_something_else_is_refused():
    source, other = keras.Input((4,)), keras.Input((4,))
    with pytest.raises(ValueError, match="from nothing else"):
        Frozen()([source, keras.layers.Add()([source, other])])


@pytest.mark.parametrize("layer", [Frozen(), DeadReconstruction(2, "gaussian")])
def test_without_a_model_there_is_nothing_between(layer):
    with pytest.raises(ValueError, match="symbolic tensors"):
        layer([X, X, X, X[0], X])
