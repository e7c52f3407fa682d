import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.likelihood import reconstruction_error


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 3, 128)
    weight = 10.0 * kind + rng.normal(size=128)
    rows = [
        [f"{w:.3f}", ["ant", "bee", "cow"][k], f"{3 - k}", ["no", "no", "yes"][k]]
        for w, k in zip(weight, kind, strict=True)
    ]
    rows[3][0] = ""
    rows[4][1] = ""
    return np.array(rows)


def make(table, **options):
    how = {"backbone": "tabular", "adapt": table, "hidden": (16,)} | options
    ae = zoo.create("undercomplete", (table.shape[1],), 3, **how)
    ae.compile(optimizer=keras.optimizers.Adam(0.01), jit_compile=False)
    return ae


def test_an_encoding_takes_as_many_columns_as_it_learnt(table):
    layer = zoo.layers.TableEncoding()
    layer.adapt(table)
    for wrong in (table[:, :3], np.tile(table, 2), table[0]):
        with pytest.raises(ValueError, match="must have 4 columns"):
            layer(tf.constant(wrong))


def test_a_column_of_one_category_is_certain_without_a_warning(recwarn):
    output = zoo.layers.TableOutput(1, [1, 2])(np.zeros((2, 4), "float32"))
    np.testing.assert_array_equal(output, [[0, 1, 0.5, 0.5]] * 2)
    assert not [w for w in recwarn if "softmax" in str(w.message)]


def test_a_table_of_strings(table, tmp_path):
    ae = make(table)
    assert ae.likelihood == "table:2,3,2"
    errors = ae.fit(table, epochs=8, verbose=0).history["reconstruction_error"]
    assert np.isfinite(errors).all()
    assert errors[-1] < 0.7 * errors[0]
    ae.save(tmp_path / "model.keras")
    loaded = zoo.load(tmp_path)
    rows = tf.constant([["1.5", "bee", "2", "no"], ["", "elk", "", "yes"]])
    np.testing.assert_array_equal(loaded.encoder(rows), ae.encoder(rows))
    ae.encoder.export(tmp_path / "saved", verbose=False)
    served = tf.saved_model.load(tmp_path / "saved")
    np.testing.assert_allclose(served.serve(rows), ae.encoder(rows), atol=1e-5)
    groups = ae.predict(table, verbose=0)[:, 2:]
    np.testing.assert_allclose(groups[:, :3].sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(groups[:, 3:].sum(axis=1), 1, rtol=1e-5)


def test_a_table_of_objects_is_one_of_strings():
    mixed = np.array([[1.5, "red"], [np.nan, "blue"], [2, None], [3, np.nan]] * 4, object)
    strings = np.array([["1.5", "red"], ["", "blue"], ["2", ""], ["3", ""]] * 4)
    model = zoo.create("undercomplete", (2,), 2, backbone="tabular", adapt=mixed)
    layer = model.get_layer("table_encoding")
    assert layer.columns[1] == {"categories": ["blue", "red"]}
    model.compile(optimizer="sgd")
    logs = model.evaluate(mixed, verbose=0), model.evaluate(strings, verbose=0)
    assert logs[0] == logs[1]
    model.fit(mixed, verbose=0)


def test_strings_are_not_compiled_by_xla(table):
    ae = make(table)
    with pytest.warns(UserWarning, match="support `jit_compile=True`. Proceeding"):
        ae.compile(optimizer="sgd", jit_compile=True)
    assert not ae.jit_compile


def test_encoding_equals_numpy(table):
    layer = zoo.layers.TableEncoding()
    layer.adapt(table)
    encoded = np.asarray(layer(tf.constant(table)))
    for column, position in ((0, 0), (2, 1)):
        text = np.where(table[:, column] == "", "nan", table[:, column])
        values = text.astype("float64")
        expected = (values - np.nanmean(values)) / np.nanstd(values)
        np.testing.assert_allclose(encoded[:, position], expected, atol=1e-4)
    np.testing.assert_array_equal(
        encoded[:, 2:5], table[:, 1:2] == np.array([["ant", "bee", "cow"]])
    )
    assert not encoded[4, 2:5].any()
    twin = zoo.layers.TableEncoding.from_config(layer.get_config())
    np.testing.assert_array_equal(twin(tf.constant(table)), encoded)


def test_a_table_of_numbers_with_codes_for_categories():
    rng = np.random.default_rng(0)
    table = np.stack([rng.normal(5, 2, 64), rng.integers(3, 6, 64)], axis=1).astype("float32")
    table[0] = np.nan
    ae = make(table, categorical=[1])
    assert ae.likelihood == "table:1,3"
    assert np.isfinite(ae.fit(table, verbose=0).history["loss"]).all()
    assert float(ae.reconstruction_error(table[:1], ae.predict(table[:1], verbose=0))[0]) == 0


@pytest.mark.parametrize("name", ["top-k", "gated"])
def test_other_errors_of_sparse_dictionaries_pass_over_what_is_missing(name, table):
    ae = zoo.create(name, (4,), 6, backbone="tabular", adapt=table, hidden=(), dead_after=1)
    ae.get_layer("dead_units").idle.assign([5.0] * 3 + [0.0] * 3)
    ae(tf.constant(table[:8]))
    losses = {layer.name: float(sum(layer.losses)) for layer in ae.layers if layer.losses}
    assert losses[{"top-k": "auxiliary_error", "gated": "gate_error"}[name]] > 0
    assert np.isfinite(list(losses.values())).all()


def test_the_error_is_the_mean_over_observed_columns():
    target = np.array([[1.0, np.nan, 0, 1, 0], [2.0, 3.0, 0, 0, 0]], "float32")
    guess = np.array([[0.5, 9.0, 0.2, 0.5, 0.3], [1.0, 1.0, 0.2, 0.5, 0.3]], "float32")
    errors = reconstruction_error("table:2,3", target, guess, missing_values=True)
    np.testing.assert_allclose(errors, [(0.25 - np.log(0.5)) / 2, (1 + 4) / 2], rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: make(t, categorical=[7]), r"categorical=\(7,\)"),
        (lambda t: zoo.layers.TableEncoding()(tf.constant(t)), "adapted to data first"),
        (lambda t: zoo.layers.TableEncoding().adapt(t[:, 0]), r"shape=\(128,\)"),
        (lambda t: make(t)(tf.constant(t[:, :3])), "4"),
    ],
)
def test_wrong_use_gets_one_sentence(call, message, table):
    with pytest.raises(ValueError, match=message):
        call(table)
