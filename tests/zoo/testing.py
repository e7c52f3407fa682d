"""What every layer and every variant must pass; a new file's test is a call of these."""

import keras
import numpy as np
import tensorflow as tf

# Parts of names that no variable of an encoder may have: what serves training alone.
OF_TRAINING = ("seed", "noise", "step", "idle", "penalty", "corruption")


def run_layer_test(layer, inputs, output_shape, trainable_weights=0, non_trainable_weights=0):
    """Checks shapes, weights, mixed precision and round trips of a layer in a functional model.

    Args:
        layer: The layer, not built.
        inputs: An array, or a list of arrays for a layer that takes several.
        output_shape: Shape of the output without the batch, or a list of shapes for a layer
            that returns several.
        trainable_weights: How many there must be.
        non_trainable_weights: How many there must be.
    """
    tensors = keras.tree.map_structure(
        lambda x: keras.Input(x.shape[1:], dtype=str(x.dtype)), inputs
    )
    symbolic = layer(tensors)
    outputs = layer(inputs)
    shapes = output_shape if isinstance(output_shape, list) else [output_shape]
    rows = len(keras.tree.flatten(inputs)[0])
    for shape, made, promised in zip(
        shapes, keras.tree.flatten(outputs), keras.tree.flatten(symbolic), strict=True
    ):
        assert tuple(made.shape) == (rows, *shape)
        assert tuple(promised.shape) == (None, *shape)
        assert promised.dtype == keras.backend.standardize_dtype(made.dtype)
    assert len(layer.trainable_weights) == trainable_weights
    assert len(layer.non_trainable_weights) == non_trainable_weights
    twin = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert twin.get_config() == layer.get_config()
    model = keras.Model(tensors, symbolic)
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    keras.tree.map_structure(np.testing.assert_array_equal, clone(inputs), model(inputs))
    half = layer.from_config({**layer.get_config(), "dtype": "mixed_bfloat16"})
    for shape, made in zip(shapes, keras.tree.flatten(half(inputs)), strict=True):
        assert tuple(made.shape) == (rows, *shape)


def run_quick_variant_test(make, x, path):
    """Checks that a variant learns and keeps its numbers over a round trip.

    Args:
        make: Called without arguments, returns a new model.
        x: Training data.
        path: Where a `.keras` file may be written.

    Returns:
        The trained model.
    """
    keras.utils.set_random_seed(1)
    ae = make()
    # Adam learns in fewer steps, but takes far longer to trace than a small model to train.
    ae.compile(optimizer=keras.optimizers.SGD(0.1, momentum=0.9), jit_compile=False)
    # The last batch is a smaller one, so that the size of a batch is not known beforehand.
    errors = ae.fit(x, epochs=4, batch_size=36, verbose=0).history["reconstruction_error"]
    assert errors[-1] < errors[0]
    check_finite(ae)
    ae.save(path)
    # What is judged in evaluation is what the two parts make, as they are exported.
    np.testing.assert_allclose(ae.decoder(ae.encoder(x[:5])), ae(x[:5]), atol=1e-5)
    check_same_parts(keras.saving.load_model(path), ae, x)
    check_clean_encoder(ae)
    return ae


def run_variant_test(make, x, path, jit_compile=False, epochs=3):
    """Checks that a variant learns, keeps its numbers over a round trip and resumes exactly.

    Args:
        make: Called without arguments, returns a new model.
        x: Training data.
        path: Where a `.keras` file may be written.
        jit_compile: As for `compile`.
        epochs: Passes until its error must have fallen, but for two more.

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
    ae.fit(x, epochs=epochs, **how)
    ae.save(path)
    ae.fit(x, epochs=2, **how)
    after = ae.evaluate(x, verbose=0, return_dict=True)
    assert after["reconstruction_error"] < before["reconstruction_error"]
    check_finite(ae)

    resumed = keras.saving.load_model(path)
    resumed.fit(x, epochs=2, **how)
    for weight, expected in zip(resumed.variables, ae.variables, strict=True):
        np.testing.assert_array_equal(weight, expected, err_msg=weight.path)
    check_same_parts(resumed, ae, x)

    clone = type(ae).from_config(ae.get_config())
    clone.set_weights(ae.get_weights())
    np.testing.assert_array_equal(clone(x[:5]), ae(x[:5]))
    check_clean_encoder(ae)
    return ae


def check_finite(ae):
    """Checks that no weight is NaN: an error may fall all the same, by the biases alone."""
    assert [weight.path for weight in ae.weights if not np.isfinite(weight).all()] == []


def check_same_parts(model, expected, x):
    """Checks that two autoencoders encode and decode alike."""
    np.testing.assert_array_equal(model.encoder(x[:5]), expected.encoder(x[:5]))
    codes = np.random.default_rng(0).random((5, expected.code.size), "float32")
    np.testing.assert_array_equal(model.decoder(codes), expected.decoder(codes))


def check_clean_encoder(ae):
    """Checks that an encoder has no variable that serves training alone."""
    names = {weight.path for weight in ae.encoder.variables}
    assert not [name for name in names if any(part in name for part in OF_TRAINING)]


def check_export(ae, x, path, tolerance=1e-4):
    """Checks that a SavedModel of the encoder answers alike and holds its weights alone."""
    ae.encoder.export(path, verbose=False)
    loaded = tf.saved_model.load(path)
    # Against a graph: fused operations round half precision less often than single ones.
    expected = ae.encoder.predict(x[:5], verbose=0)
    np.testing.assert_allclose(
        loaded.serve(tf.constant(x[:5])), expected, rtol=tolerance, atol=tolerance
    )
    stored = [name for name, _ in tf.train.list_variables(f"{path}/variables/variables")]
    stored = [name for name in stored if name.startswith("variables/")]
    assert len(stored) == len(ae.encoder.weights), stored
