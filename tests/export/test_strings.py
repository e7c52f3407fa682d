"""Models that take strings: the endpoints on strings, and those on what becomes of them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import export
import zoo
from export import check, examples
from export.autoencoders import from_autoencoder
from export.raw import TFExample, with_raw_input
from export.savedmodel import traced

TEXTS = np.array(["cat dog", "dog mouse mouse", "bread cheese", "cat", "", "wine cat"], object)
ON_INPUT = {"embed", "hash", "hash_query", "reconstruct", "score"}


@pytest.fixture(scope="module")
def hasher():
    keras.utils.set_random_seed(0)
    return zoo.create("semantic-hash", (), 4, backbone="text", adapt=TEXTS, hidden=(8,))


def _agree(exportable, recorded):
    """Every endpoint, as a graph, gives the answers of its reference."""
    for signature in exportable.signatures:
        (exchange,) = check.requests([signature], recorded, [4])
        answer = traced(signature, exportable)(*map(tf.constant, exchange.inputs.values()))
        for name, value in answer.items():
            np.testing.assert_allclose(value, exchange.outputs[name], atol=1e-5)


def test_text(hasher):
    exportable = from_autoencoder(hasher)
    names = {s.name for s in exportable.signatures}
    assert names == {"decode"} | ON_INPUT | {f"{name}_tensor" for name in ON_INPUT}
    _agree(exportable, {"inputs": TEXTS})
    on_counts = next(s for s in exportable.signatures if s.name == "embed_tensor")
    counts = np.asarray(hasher.preprocessor(tf.constant(TEXTS)))
    assert on_counts.inputs[0].shape == (None, counts.shape[1])
    got = on_counts.reference({"inputs": counts})["embedding"]
    np.testing.assert_allclose(got, hasher.encoder(tf.constant(TEXTS)), atol=1e-6)


def test_text_in_tf_examples(hasher):
    exportable = with_raw_input(from_autoencoder(hasher), TFExample())
    names = [s.name for s in exportable.signatures]
    assert len(set(names)) == len(names)
    assert exportable.signatures[0].inputs[0].name == "examples"
    _agree(exportable, exportable.draw())


def test_table_of_strings():
    table = np.array([["1.5", "red"], ["", "blue"], ["3", ""], ["-1", "red"]], object)
    ae = zoo.create("undercomplete", (2,), 2, backbone="tabular", adapt=table, hidden=(4,))
    exportable = from_autoencoder(ae)
    _agree(exportable, examples.check(table, exportable.inputs, exportable.missing_values))
    # Without examples, rows are drawn of what the encoding has learnt.
    assert exportable.draw()["inputs"].shape == (8, 2)
    _agree(exportable, exportable.draw())
    in_examples = with_raw_input(exportable, TFExample())
    _agree(in_examples, in_examples.draw())


@pytest.mark.slow
def test_published_text(hasher, tmp_path):
    path = export.publish(hasher, tmp_path, name="m", examples=TEXTS, batch_sizes=(1,))
    loaded = tf.saved_model.load(str(path))
    texts = tf.constant(["Dog, cat!", "nobody knows this"])
    code = loaded.signatures["hash"](inputs=texts)["code"]
    counts = hasher.preprocessor(texts)
    again = loaded.signatures["hash_tensor"](inputs=counts)["code"]
    np.testing.assert_array_equal(code, again)
    np.testing.assert_allclose(
        loaded.signatures["embed"](inputs=texts)["embedding"], hasher.encoder(texts), atol=1e-5
    )
