import numpy as np
import pytest
import scipy.sparse

from zoo.neighbours import smooth_map, smoothing

rng = np.random.default_rng(0)


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype("float32")


@pytest.mark.parametrize("kind", [np.asarray, scipy.sparse.csr_array])
def test_against_the_formulas(kind):
    """The ridge by its normal equations, the components by their inner products."""
    vectors, features = unit(rng.normal(size=(50, 6))), unit(rng.normal(size=(50, 9)))
    centred = vectors - vectors.mean(0)
    inverse = np.linalg.inv(features.T @ features + smoothing.PENALTY * np.eye(9))
    moved = (centred + features @ inverse @ features.T @ centred) / 2
    moved -= moved.mean(0)
    values, components = np.linalg.eigh(moved.T @ moved)
    expected = moved @ components * values ** ((smoothing.POWER - 1) / 2)
    found = smooth_map(vectors, kind(features))
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=1e-3)
    lengths = np.linalg.norm(found, axis=0)
    assert (np.diff(lengths) < 0).all()
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-5)


def test_a_row_among_the_wrong_neighbours_comes_nearer_to_its_own():
    """One row of a group has the vector of the other group, and its own group's features."""
    groups = np.repeat(np.eye(2), 30, axis=0)
    features, vectors = (unit(groups @ np.eye(2, 8) + rng.normal(size=(60, 8)) / 20) for _ in "ab")
    vectors[0] = vectors[-1]
    smooth = unit(smooth_map(vectors, features))
    own, other = smooth[1:30].mean(0), smooth[30:].mean(0)
    before = unit(vectors - vectors.mean(0))
    assert smooth[0] @ (own - other) > before[0] @ (before[1:30].mean(0) - before[30:].mean(0))
