import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.likelihood import reconstruction_error

WORDS = (["cat", "dog", "mouse", "horse"], ["bread", "cheese", "wine", "soup"])


@pytest.fixture(scope="module")
def texts():
    rng = np.random.default_rng(0)
    return np.array([" ".join(rng.choice(WORDS[i % 2], rng.integers(3, 9))) for i in range(96)])


def make(texts, **options):
    how = {"code_dim": 4, "backbone": "text", "adapt": texts, "hidden": (16,)} | options
    ae = zoo.create(how.pop("name", "undercomplete"), (), **how)
    ae.compile(optimizer=keras.optimizers.Adam(0.01), jit_compile=False)
    return ae


def test_images_are_no_word_counts():
    with pytest.raises(ValueError, match="wants word counts"):
        zoo.create("undercomplete", (8, 8, 1), 4, backbone="text")


def test_texts_without_a_word_are_refused():
    with pytest.raises(ValueError, match="wants texts with words"):
        make(np.array(["!!! ???", "..."]))


def test_a_list_of_texts_is_as_good_as_an_array(texts):
    ae = make(texts)
    as_list = texts.tolist()
    np.testing.assert_array_equal(ae.predict(as_list, verbose=0), ae.predict(texts, verbose=0))
    for other in (as_list, tuple(as_list)):
        assert ae.evaluate(other, verbose=0) == ae.evaluate(texts, verbose=0)
    for held_out in (as_list, (as_list, None)):
        logs = ae.fit(as_list, validation_data=held_out, verbose=0).history
        assert np.isfinite(logs["val_loss"]).all()


@pytest.mark.parametrize(
    ("name", "options"),
    [("semantic-hash", {"weighting": "tf-idf"}), ("undercomplete", {"corruption": "masking"})],
)
def test_raw_strings_in_and_the_same_codes_after_a_round_trip(name, options, texts, tmp_path):
    ae = make(texts, name=name, **options)
    assert ae.likelihood == "multinomial"
    errors = ae.fit(texts, validation_data=texts, epochs=6, verbose=0).history
    assert errors["val_reconstruction_error"][-1] < errors["val_reconstruction_error"][0]
    ae.save(tmp_path / "model.keras")
    loaded = zoo.load(tmp_path)
    some = tf.constant(["Cat, dog!", "an unknown word", ""])
    np.testing.assert_array_equal(loaded.encoder(some), ae.encoder(some))
    np.testing.assert_array_equal(loaded(tf.constant(texts)), ae(tf.constant(texts)))
    assert loaded.get_layer("bag_of_words").get_vocabulary()[1:] != []
    ae.encoder.export(tmp_path / "saved", verbose=False)
    served = tf.saved_model.load(tmp_path / "saved")
    np.testing.assert_allclose(served.serve(some), ae.encoder(some), atol=1e-5)


@pytest.mark.parametrize(("weighting", "mode"), [("count", "count"), ("tf-idf", "tf_idf")])
def test_a_clone_knows_the_words_as_they_were_adapted(weighting, mode, texts):
    layer = make(texts, weighting=weighting).get_layer("bag_of_words")
    adapted = keras.layers.TextVectorization(output_mode=mode)
    adapted.adapt(texts)
    some = tf.constant(["cat cat dog", "soup", "an unknown word", ""])
    for twin in (layer, type(layer).from_config(layer.get_config())):
        np.testing.assert_allclose(twin(some), adapted(some), rtol=1e-6)


def test_words_that_differ_in_zeros_at_their_end_are_one():
    layer = make(np.array(["a b", "a\0"], object)).get_layer("bag_of_words")
    assert sorted(layer.get_vocabulary()) == ["[UNK]", "a", "b"]


def test_case_and_punctuation_do_not_matter(texts):
    ae = make(texts)
    a, b = np.asarray(ae.encoder(tf.constant(["cat dog dog", "Dog, CAT. dog!"])))
    np.testing.assert_array_equal(a, b)


def test_multinomial_is_the_cross_entropy_per_word():
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 5, (6, 7)).astype("float32")
    counts[2] = 0
    p = rng.dirichlet(np.ones(7), 6).astype("float32")
    expected = -(counts * np.log(p)).sum(axis=1) / np.maximum(counts.sum(axis=1), 1)
    np.testing.assert_allclose(reconstruction_error("multinomial", counts, p), expected, rtol=1e-5)
    assert float(reconstruction_error("multinomial", counts, p)[2]) == 0


def test_reconstructions_are_distributions(texts):
    p = make(texts).predict(texts, verbose=0)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)


def test_counts_without_texts():
    counts = np.random.default_rng(0).poisson(1.0, (64, 12)).astype("float32")
    ae = zoo.create("undercomplete", (12,), 3, backbone="text", hidden=(8,))
    ae.compile(optimizer="sgd", run_eagerly=True)
    ae.fit(counts, verbose=0)
    with pytest.raises(ValueError, match="not negative, for likelihood='multinomial'"):
        ae.fit(-counts, verbose=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weighting": "bm25"}, "count, tf-idf, binary"),
        ({"adapt": None, "vocabulary_size": 9}, "give `adapt`"),
        ({"adapt": np.zeros((3, 2))}, "list of texts"),
        ({"adapt": []}, "`adapt` must have at least one row"),
    ],
)
def test_wrong_options_get_one_sentence(options, message, texts):
    with pytest.raises(ValueError, match=message):
        make(texts, input_dtype="string", **options)
