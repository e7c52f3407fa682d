"""What every layer and every variant must pass; a new file's test is a call of these."""

import keras
import numpy as np


def run_layer_test(layer, inputs, output_shape, trainable_weights=0, non_trainable_weights=0):
    """Checks shapes, weights, mixed precision and round trips of a layer in a functional model."""
    tensor = keras.Input(inputs.shape[1:], dtype=str(inputs.dtype))
    symbolic = layer(tensor)
    outputs = layer(inputs)
    assert tuple(outputs.shape) == (len(inputs), *output_shape)
    assert tuple(symbolic.shape) == (None, *output_shape)
    assert symbolic.dtype == keras.backend.standardize_dtype(outputs.dtype)
    assert len(layer.trainable_weights) == trainable_weights
    assert len(layer.non_trainable_weights) == non_trainable_weights
    twin = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert twin.get_config() == layer.get_config()
    model = keras.Model(tensor, symbolic)
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(clone(inputs), model(inputs))
    half = layer.from_config({**layer.get_config(), "dtype": "mixed_bfloat16"})
    assert tuple(half(inputs).shape) == tuple(outputs.shape)


def run_variant_test(make, x, path, jit_compile=False):
    """Checks that a variant learns, keeps its numbers over a round trip and resumes exactly.

    Args:
        make: Called without arguments, returns a new model.
        x: Training data.
        path: Where a `.keras` file may be written.
        jit_compile: As for `compile`.

    Returns:
        The trained model.
    """
    how = {"batch_size": 32, "shuffle": False, "verbose": 0}

    def fresh():
        keras.utils.set_random_seed(1)
        ae = make()
        ae.compile(optimizer=keras.optimizers.Adam(0.003), jit_compile=jit_compile)
        return ae

    ae = fresh()
    before = ae.evaluate(x, verbose=0, return_dict=True)
    ae.fit(x, epochs=3, **how)
    ae.save(path)
    ae.fit(x, epochs=2, **how)
    after = ae.evaluate(x, verbose=0, return_dict=True)
    assert after["reconstruction_error"] < before["reconstruction_error"]

    resumed = keras.saving.load_model(path)
    resumed.fit(x, epochs=2, **how)
    for weight, expected in zip(resumed.variables, ae.variables, strict=True):
        np.testing.assert_array_equal(weight, expected, err_msg=weight.path)
    for part in ("encoder", "decoder"):
        model, expected = getattr(resumed, part), getattr(ae, part)
        inputs = x[:5] if part == "encoder" else np.random.rand(5, ae.code.size).astype("float32")
        np.testing.assert_array_equal(model(inputs), expected(inputs))

    clone = type(ae).from_config(ae.get_config())
    clone.set_weights(ae.get_weights())
    np.testing.assert_array_equal(clone(x[:5]), ae(x[:5]))

    names = {weight.path for weight in ae.encoder.variables}
    assert not [name for name in names if "seed" in name or "noise" in name or "step" in name]
    return ae
