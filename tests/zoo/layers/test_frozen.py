import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.eager import context

from zoo.layers import DeadReconstruction, Frozen

X = np.random.default_rng(0).normal(size=(9, 4)).astype("float32")


def make():
    source = keras.Input((4,))
    layers = [keras.layers.Dense(6, "tanh", name="hidden"), keras.layers.Dense(3, name="last")]

    def between(x):
        return layers[1](layers[0](x))

    code, gates = (keras.layers.Dense(4, name=name)(source) for name in ("code", "gates"))
    code, frozen = Frozen(name="frozen")([code, gates, between(gates)])
    return keras.Model(source, [between(gates), frozen, between(code)])


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
            result, frozen, _ = model(x)
        np.testing.assert_array_equal(frozen, result)
        np.testing.assert_array_equal(tape.gradient(frozen, x), tape.gradient(result, x))
        weights = [
            weight.value
            for name in ("hidden", "last")
            for weight in model.get_layer(name).trainable_variables
        ]
        assert tape.gradient(frozen, weights) == [None] * 4
        assert None not in tape.gradient(result, weights)


def test_a_result_of_something_else_is_refused():
    source, other = keras.Input((4,)), keras.Input((4,))
    with pytest.raises(ValueError, match="from nothing else"):
        Frozen()([source, source, keras.layers.Add()([source, other])])


def test_no_weight_is_written_before_it_was_read():
    model = make()
    model.compile(optimizer="adam", loss=[None, "mse", "mse"], jit_compile=False)
    context.enable_run_metadata()
    model.fit(X, (X[:, :3],) * 3, verbose=0)
    graphs = [g.post_optimization_graph for g in context.export_run_metadata().function_graphs]
    context.disable_run_metadata()
    nodes = max(({node.name: node for node in graph.node} for graph in graphs), key=len)
    written = {node.input[0]: node.name for node in nodes.values() if "AssignSub" in node.op}
    read = [node for node in nodes.values() if node.op == "ReadVariableOp"]
    assert len([node for node in read if "frozen" in node.name]) == 4
    for node in read:
        if node.input[0] in written:
            assert node.name in leading_to(nodes, written[node.input[0]])


def leading_to(nodes, name):
    """Names of all nodes that come before a node."""
    found, waiting = set(), [name]
    while waiting:
        name = waiting.pop()
        if name in nodes and name not in found:
            found.add(name)
            waiting += [before.lstrip("^").split(":")[0] for before in nodes[name].input]
    return found


@pytest.mark.parametrize("layer", [Frozen(), DeadReconstruction(2, "gaussian")])
def test_without_a_model_there_is_nothing_between(layer):
    with pytest.raises(ValueError, match="symbolic tensors"):
        layer([X] * 3 if isinstance(layer, Frozen) else [X, X, X, X[0], X])
