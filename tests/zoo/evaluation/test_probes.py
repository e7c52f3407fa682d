import itertools

import hypothesis
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest

from zoo.evaluation import probes
from zoo.evaluation.probes import LinearProbe, nearest_neighbour_votes


def test_linear_probe_separates_what_is_separable_at_any_scale():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 2)).astype("float32") * 1e-4 + 7
    y = (x[:, 0] > x[:, 1]).astype(int)
    assert LinearProbe(x[:200], y[:200]).accuracy(x[200:], y[200:]) > 0.95


def test_linear_probe_on_noise_is_no_better_than_chance():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2000, 5)), rng.integers(0, 2, 2000)
    assert LinearProbe(x[:1000], y[:1000]).accuracy(x[1000:], y[1000:]) < 0.56


def test_linear_probe_takes_missing_values_and_constant_columns():
    x = np.array([[0, np.nan, 3], [1, np.nan, 3], [np.nan, np.nan, 3], [0, np.nan, 3]] * 20)
    y = np.array([0, 1, 0, 0] * 20)
    assert LinearProbe(x, y).accuracy(x[:2], y[:2]) == 1
    assert LinearProbe(np.zeros((4, 2)), np.array([0, 1, 1, 1])).accuracy(
        np.zeros((1, 2)), np.array([1])
    )


@hypothesis.given(
    hnp.arrays("int8", (1, 5), elements=st.integers(0, 2)),
    hnp.arrays("int8", 5, elements=st.integers(3, 5)),
    st.integers(1, 5),
)
@hypothesis.settings(deadline=None, max_examples=60)
def test_votes_are_expected_numbers_of_neighbours(distances, labels, k):
    orders = [
        list(order)
        for order in itertools.permutations(range(5))
        if all(distances[0, a] <= distances[0, b] for a, b in itertools.pairwise(order))
    ]
    votes = [np.mean([(labels[o[:k]] == name).sum() for o in orders]) for name in (3, 4, 5)]
    expected = 3 + int(np.argmax(np.round(votes, 6)))
    assert nearest_neighbour_votes(distances, labels, k) == [expected]


def test_votes_of_several_queries():
    distances = np.array([[0.0, 1, 2, 3], [3, 2, 1, 0]])
    labels = np.array([7, 7, 2, 2])
    np.testing.assert_array_equal(nearest_neighbour_votes(distances, labels, 3), [7, 2])


def test_more_voters_than_entries():
    with pytest.raises(ValueError, match=r"in 1 to 2\. Received: k=3"):
        nearest_neighbour_votes(np.zeros((1, 2)), np.zeros(2), 3)


def test_sparse_features_give_the_same_classifier(monkeypatch):
    features = np.random.default_rng(0).poisson(0.05, (300, 40)).astype("float32")
    labels = (features[:, :5].sum(1) > 0).astype(int)
    sparse = LinearProbe(features, labels)
    monkeypatch.setattr(probes, "SPARSE", 0)
    dense = LinearProbe(features, labels)
    assert sparse.is_sparse
    assert not dense.is_sparse
    np.testing.assert_allclose(sparse.model.coef_, dense.model.coef_, atol=0.1)  # not converged
    assert abs(sparse.accuracy(features, labels) - dense.accuracy(features, labels)) < 0.01
