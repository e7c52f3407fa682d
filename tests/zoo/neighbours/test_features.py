import numpy as np
import pytest
import scipy.sparse

import zoo
from zoo.neighbours import neighbour_features
from zoo.neighbours.features import word_features

rng = np.random.default_rng(0)


def lengths(features):
    squares = features.multiply(features) if hasattr(features, "multiply") else features**2
    return np.sqrt(np.asarray(squares.sum(1)).ravel())


def test_words_weigh_by_how_rare_they_are():
    x = np.array([[1, 1, 0], [1, 0, 1], [0, 1, 0], [2, 0, 0], [1, 0, 0]], "float32")
    ae = zoo.create("semantic-hash", (3,), 4, backbone="text", hidden=(4,))
    features = neighbour_features(ae, x)
    np.testing.assert_allclose(lengths(features), 1, rtol=1e-6)
    rows = features.toarray()
    assert rows[0, 1] > rows[0, 0] > rows[0, 2] == 0


def test_word_features_are_words_and_a_seventh_of_topics():
    """Against the formulas, densely; a document without words stays zero."""
    counts = rng.poisson(0.5, (30, 90)).astype("float32")
    counts[7] = 0
    share = counts / counts.sum(0)
    weight = 1 + np.sum(share * np.log(np.where(share, share, 1)), 0) / np.log(30)
    length = counts.sum(1, keepdims=True)
    expected = weight * counts / (counts + 1.2 * (0.25 + 0.75 * length / length.mean()))
    expected /= np.maximum(np.linalg.norm(expected, axis=1, keepdims=True), 1e-9)
    features = word_features(scipy.sparse.csr_array(counts)).toarray()
    np.testing.assert_allclose(features[:, :90], expected * (6 / 7) ** 0.5, atol=1e-6)
    left, values, _ = np.linalg.svd(expected, full_matrices=False)
    topics = left[:, :29] * values[:29]
    topics /= np.maximum(np.linalg.norm(topics, axis=1, keepdims=True), 1e-6)
    found = features[:, 90:] @ features[:, 90:].T
    np.testing.assert_allclose(found, topics @ topics.T / 7, atol=0.02)
    assert not features[7].any()


def test_texts_go_through_the_models_vocabulary():
    texts = np.array(["red wine", "red bread", "old wine"] * 4, object)
    ae = zoo.create("semantic-hash", (), 4, backbone="text", hidden=(4,), adapt=texts)
    features = neighbour_features(ae, texts).toarray()
    np.testing.assert_allclose(features[0], features[3])
    assert features[0] @ features[1] < 0.9


@pytest.mark.parametrize("shape", [(12, 12, 1), (7,), (150,)])
def test_dense_rows_have_length_one_and_at_most_100_components(shape):
    x = rng.random((230, *shape)).astype("float32")
    done = []
    ae = zoo.create("semantic-hash", shape, 4, hidden=(4,))
    features = neighbour_features(ae, x, done.append)
    assert features.shape[1] <= 100
    assert done[-1] == 230
    np.testing.assert_allclose(lengths(features), 1, rtol=1e-5)


def test_what_is_missing_counts_as_the_mean():
    x = rng.normal(size=(30, 5, 2)).astype("float32")
    x[::3, 3:] = np.nan
    ae = zoo.create("semantic-hash", (5, 2), 4, backbone="sequence", units=(4,))
    filled = np.where(np.isnan(x), np.nanmean(x, axis=0), x).reshape(30, -1)
    filled -= filled.mean(0)
    filled /= np.linalg.norm(filled, axis=1, keepdims=True)
    np.testing.assert_allclose(neighbour_features(ae, x), filled, atol=1e-5)


def test_images_are_alike_if_their_edges_are():
    square = np.zeros((40, 12, 12, 1), "float32")
    square[::2, 3:9, 3:9] = 1
    square[1::2, 4:8, 1:11] = 1
    ae = zoo.create("semantic-hash", (12, 12, 1), 4, hidden=(4,))
    dark = neighbour_features(ae, square)
    assert dark[0] @ dark[2] > 0.99 > dark[0] @ dark[1]
