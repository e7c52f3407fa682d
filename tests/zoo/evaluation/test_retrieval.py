import itertools

import hypothesis
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest

from zoo.evaluation.retrieval import (
    average_precision,
    by_radius,
    hamming_distances,
    over_blocks,
    precision_and_recall_at_k,
    squared_distances,
)

SIZE = 6
distances_with_ties = hnp.arrays("int8", (1, SIZE), elements=st.integers(0, 2))
some_relevant = hnp.arrays("bool", (1, SIZE))


def orders(distances):
    """All orders of entries that sort the distances."""
    return [
        list(order)
        for order in itertools.permutations(range(SIZE))
        if all(distances[a] <= distances[b] for a, b in itertools.pairwise(order))
    ]


@hypothesis.given(distances_with_ties, some_relevant, st.integers(1, SIZE))
@hypothesis.settings(deadline=None, max_examples=60)
def test_precision_and_recall_are_means_over_all_orders_of_ties(distances, relevant, k):
    hits = [relevant[0, order[:k]].sum() for order in orders(distances[0])]
    precision, recall = precision_and_recall_at_k(distances, relevant, k)
    np.testing.assert_allclose(precision, [np.mean(hits) / k])
    total = relevant.sum()
    np.testing.assert_allclose(recall, [np.mean(hits) / total if total else np.nan])


@hypothesis.given(distances_with_ties, some_relevant)
@hypothesis.settings(deadline=None, max_examples=60)
def test_average_precision_is_the_mean_over_all_orders_of_ties(distances, relevant):
    expected = []
    for order in orders(distances[0]):
        ranks = np.flatnonzero(relevant[0, order]) + 1
        expected.append(np.mean(np.arange(1, len(ranks) + 1) / ranks) if len(ranks) else np.nan)
    np.testing.assert_allclose(average_precision(distances, relevant), [np.mean(expected)])


def test_average_precision_agrees_with_scikit_learn_where_nothing_is_tied():
    sklearn_metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    distances = rng.permutation(5000)[None].astype("float32")
    relevant = rng.random((1, 5000)) < 0.1
    expected = sklearn_metrics.average_precision_score(relevant[0], -distances[0])
    np.testing.assert_allclose(average_precision(distances, relevant), [expected], rtol=1e-12)


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


def test_blocks_hold_every_query_once(monkeypatch):
    monkeypatch.setattr("zoo.evaluation.retrieval.BLOCK", 130)
    bits = np.random.default_rng(0).integers(0, 2, (60, 8))
    blocks = over_blocks(lambda some, distances: distances, bits[:21], bits, binary=True)
    assert [len(block) for block in blocks] == [2] * 10 + [1]
    np.testing.assert_array_equal(np.concatenate(blocks), hamming_distances(bits[:21], bits))


@pytest.mark.parametrize("k", [0, 4])
def test_k_must_fit(k):
    with pytest.raises(ValueError, match=rf"in 1 to 3. Received: k={k}"):
        precision_and_recall_at_k(np.zeros((1, 3)), np.ones((1, 3), bool), k)


@pytest.mark.parametrize("block", [10, 10_000])
def test_by_radius_is_what_counting_gives(block, monkeypatch):
    monkeypatch.setattr("zoo.evaluation.retrieval.BLOCK", block)
    rng = np.random.default_rng(0)
    queries, database = rng.integers(0, 2, (5, 7), "uint8"), rng.integers(0, 2, (40, 7), "uint8")
    query_labels, labels = np.array([0, 1, 2, 0, 9]), rng.integers(0, 3, 40)  # 9 is nowhere
    lines = by_radius(queries, database, query_labels, labels)
    distances = (queries[:, None] != database).sum(-1)
    relevant = query_labels[:, None] == labels
    assert lines[-1]["radius"] == distances.max()
    for line in lines:
        found = distances <= line["radius"]
        hits = (found & relevant).sum(1)
        assert line["results"] == pytest.approx(found.sum(1).mean())
        assert line["answered"] == pytest.approx(found.any(1).mean())
        assert line["precision"] == pytest.approx((hits / found.sum(1).clip(1)).mean())
        assert line["recall"] == pytest.approx((hits[:4] / relevant.sum(1)[:4]).mean())
    assert lines[-1]["recall"] == 1
