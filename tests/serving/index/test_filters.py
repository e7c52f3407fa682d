"""A filtered search equals a search of an index of the passing entries alone."""

import brute
import numpy as np
import pytest
from test_exact import method  # noqa: F401, a fixture

from serving.index import HashIndex


@pytest.fixture
def filled(tmp_path, method):  # noqa: F811
    rng = np.random.default_rng(0)
    ids = rng.permutation(3000)
    codes = brute.random_codes(rng, 3000, 32, clusters=20)
    payloads = [None if i % 7 == 0 else {"label": int(i % 10), "name": "é" * 3} for i in ids]
    with HashIndex.open(tmp_path / "i", bits=32) as index:
        index.add(ids[:2500], codes[:2500], payloads[:2500])
        index.compact()
        index.add(ids[2500:], codes[2500:], payloads[2500:])
        yield index, ids, codes, brute.random_codes(rng, 5, 32, clusters=20)


def passes(payload):
    return payload is not None and payload["label"] == 3


def never(payload):
    return False


def expect(index, ids, codes, queries, chosen, k=12, **filters):
    neighbors = index.search(queries, k=k, **filters)
    matches = index.within(queries, radius=12, **filters)
    for i, query in enumerate(queries):
        expected = brute.nearest(ids[chosen], codes[chosen], query, k)
        np.testing.assert_array_equal(neighbors.ids[i], expected[0])
        np.testing.assert_array_equal(neighbors.distances[i], expected[1])
        expected = brute.within(ids[chosen], codes[chosen], query, 12)
        np.testing.assert_array_equal(matches[i].ids, expected[0])
        np.testing.assert_array_equal(matches[i].distances, expected[1])


@pytest.mark.parametrize("count", [0, 1, 20, 1500, 3000])
def test_among_ids(filled, count):
    index, ids, codes, queries = filled
    allowed = np.random.default_rng(count).choice(ids, count, replace=False)
    among = np.append(allowed, 10**6).astype(np.int64)  # one that is not there
    expect(index, ids, codes, queries, np.isin(ids, allowed), among=among)


@pytest.mark.parametrize("k", [1, 12, 500])
def test_where_payload(filled, k):
    index, ids, codes, queries = filled
    chosen = (ids % 7 != 0) & (ids % 10 == 3)
    expect(index, ids, codes, queries, chosen, k, where=passes)
    expect(index, ids, codes, queries, np.zeros(len(ids), bool), k, where=never)


def test_both_with_margins(filled):
    index, ids, codes, queries = filled
    among = ids[::2]
    margin = np.random.default_rng(1).integers(-64, 65, (len(queries), 32)) / 64
    found = index.search(queries, k=5, margin=margin, among=among, where=passes)
    chosen = np.isin(ids, among) & (ids % 7 != 0) & (ids % 10 == 3)
    for i, query in enumerate(queries):
        costs = np.unpackbits(codes[chosen] ^ query, axis=1) @ np.abs(margin[i])
        order = np.lexsort((ids[chosen], costs))[:5]
        np.testing.assert_array_equal(found.ids[i], ids[chosen][order])
        np.testing.assert_array_equal(found.distances[i], costs[order])
