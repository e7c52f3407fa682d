import itertools

import hypothesis
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest

from zoo.evaluation.retrieval import (
    hamming_distances,
    mean_precision_at_k,
    precision_at_k,
    squared_distances,
)


@hypothesis.given(
    hnp.arrays("int8", (1, 6), elements=st.integers(0, 2)),
    hnp.arrays("bool", (1, 6)),
    st.integers(1, 6),
)
@hypothesis.settings(deadline=None, max_examples=60)
def test_precision_is_the_mean_over_all_orders_of_ties(distances, relevant, k):
    orders = [
        order
        for order in itertools.permutations(range(6))
        if all(distances[0, a] <= distances[0, b] for a, b in itertools.pairwise(order))
    ]
    expected = np.mean([relevant[0, list(order[:k])].mean() for order in orders])
    np.testing.assert_allclose(precision_at_k(distances, relevant, k), [expected])


@pytest.mark.parametrize("bits", [1, 8, 33, 512])
def test_hamming_distances_are_exact(bits):
    rng = np.random.default_rng(bits)
    a, b = (rng.integers(0, 2, (n, bits), "uint8") for n in (7, 11))
    np.testing.assert_array_equal(hamming_distances(a, b), (a[:, None] != b).sum(-1))


def test_squared_distances():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(4, 5)), rng.normal(size=(6, 5))
    expected = ((a[:, None] - b) ** 2).sum(-1)
    np.testing.assert_allclose(squared_distances(a, b), expected, rtol=1e-4)


def test_blocks_do_not_change_the_mean(monkeypatch):
    rng = np.random.default_rng(0)
    bits, labels = rng.integers(0, 2, (60, 8)), rng.integers(0, 3, 60)
    args = (bits[:20], bits, labels[:20], labels, 5, True)
    whole = mean_precision_at_k(*args)
    monkeypatch.setattr("zoo.evaluation.retrieval.BLOCK", 100)
    assert mean_precision_at_k(*args) == pytest.approx(whole)


@pytest.mark.parametrize("k", [0, 4])
def test_k_must_fit(k):
    with pytest.raises(ValueError, match=f"in 1 to 3. Received: k={k}"):
        precision_at_k(np.zeros((1, 3)), np.ones((1, 3), bool), k)
