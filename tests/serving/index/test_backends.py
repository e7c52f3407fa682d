"""What any backend must do. To test another one, add how to open it to `BACKENDS`.

The second backend here is a dictionary searched by brute force: it keeps this suite honest
about testing the contract and not the embedded index.
"""

import json

import brute
import numpy as np
import pytest

from serving.index import HashIndex, IndexBackend, Matches, Neighbors
from serving.index.arguments import check_count, check_ids, check_unique
from serving.index.codes import check_codes
from serving.index.weights import check_margins

KEPT = {}


class Dictionary:
    """Brute force over a dictionary, kept in `KEPT` by path when closed."""

    def __init__(self, path, bits):
        self.bits = bits
        self.path = path
        self.entries = dict(KEPT.get(path, {}))

    def __len__(self):
        return len(self.entries)

    def __contains__(self, number):
        return number in self.entries

    def add(self, ids, codes, payloads=None, *, replace=False):
        ids, codes = check_ids(ids), check_codes(codes, self.bits)
        check_unique(ids)
        payloads = json.loads(json.dumps(payloads)) or [None] * len(ids)
        if len(codes) != len(ids) or len(payloads) != len(ids):
            raise ValueError("one code and payload per id")
        if not replace and any(number in self.entries for number in ids.tolist()):
            raise ValueError("already in the index")
        entries = zip(codes.copy(), payloads, strict=True)
        self.entries |= dict(zip(ids.tolist(), entries, strict=True))

    def remove(self, ids, *, missing_ok=False):
        ids = check_ids(ids)
        check_unique(ids)
        if not missing_ok:
            self.codes(ids)
        for number in ids.tolist():
            self.entries.pop(number, None)

    def _chosen(self, among, where):
        allowed = set(self.entries) if among is None else set(np.asarray(among).tolist())
        items = [
            (number, code)
            for number, (code, payload) in self.entries.items()
            if number in allowed and (where is None or where(payload))
        ]
        codes = np.array([code for _, code in items], np.uint8).reshape(-1, -(-self.bits // 8))
        return np.array([number for number, _ in items], np.int64), codes

    def within(self, codes, radius=2, *, among=None, where=None):
        check_count("radius", radius, 0)
        ids, entries = self._chosen(among, where)
        found = [brute.within(ids, entries, q, radius) for q in check_codes(codes, self.bits)]
        return Matches(
            np.concatenate([ids for ids, _ in found]),
            np.concatenate([distances for _, distances in found]),
            np.cumsum([0] + [len(ids) for ids, _ in found]),
        )

    def lookup(self, codes, *, among=None, where=None):
        return self.within(codes, 0, among=among, where=where)

    def search(self, codes, k=10, *, margin=None, among=None, where=None):
        check_count("k", k, 1)
        queries = check_codes(codes, self.bits)
        ids, entries = self._chosen(among, where)
        if margin is None:
            found = [brute.nearest(ids, entries, query, k) for query in queries]
        else:
            weights = check_margins(margin, len(queries), self.bits).bits[:, : self.bits]
            found = [
                brute.nearest(ids, entries, query, k, weight)
                for query, weight in zip(queries, weights, strict=True)
            ]
        return Neighbors(*(np.stack(column) for column in zip(*found, strict=True)))

    def codes(self, ids):
        try:
            return np.array([self.entries[number][0] for number in check_ids(ids).tolist()])
        except KeyError as error:
            raise ValueError(f"id {error} is not in the index") from None

    def payloads(self, ids):
        self.codes(ids)
        return [self.entries[number][1] for number in check_ids(ids).tolist()]

    def close(self):
        KEPT[self.path] = self.entries


BACKENDS = {"embedded": HashIndex.open, "dictionary": Dictionary}


@pytest.fixture(params=BACKENDS)
def reopen(request, tmp_path):
    """Opens the same index, again and again."""
    return lambda: BACKENDS[request.param](tmp_path / "i", bits=44)


@pytest.fixture
def index(reopen):
    index: IndexBackend = reopen()
    yield index
    index.close()


@pytest.fixture
def codes():
    return brute.random_codes(np.random.default_rng(0), 300, 44, clusters=6)


def test_entries_come_and_go_and_stay(index, reopen, codes):
    index.add(np.arange(100), codes[:100], [{"n": i} for i in range(100)])
    index.add([200], codes[200])
    index.remove([3, 4])
    index.remove([4, 5, 999], missing_ok=True)
    index.close()
    again = reopen()
    assert len(again) == 98
    assert 200 in again
    assert 4 not in again
    assert again.payloads([99, 200, 0]) == [{"n": 99}, None, {"n": 0}]
    np.testing.assert_array_equal(again.codes([200, 6]), codes[[200, 6]])
    again.close()


def test_replacing_replaces_code_and_payload(index, codes):
    index.add([1, 2], codes[:2], ["one", "two"])
    index.add([2, 3], codes[2:4], replace=True)
    assert index.payloads([1, 2, 3]) == ["one", None, None]
    np.testing.assert_array_equal(index.codes([2]), codes[2:3])
    assert len(index) == 3


@pytest.mark.parametrize(
    "change",
    [
        lambda i, c: i.add([7, 1], c[:2]),
        lambda i, c: i.add([7, 7], c[:2]),
        lambda i, c: i.add([7], c[:2]),
        lambda i, c: i.add([7, 8], c[:2], ["one"]),
        lambda i, c: i.add([7], c[:1, :5]),
        lambda i, c: i.add([7], c[:1] | 1),
        lambda i, c: i.add([-7], c[:1]),
        lambda i, c: i.remove([1, 7]),
        lambda i, c: i.remove([1, 1]),
        lambda i, c: i.codes([1, 7]),
        lambda i, c: i.payloads([7]),
        lambda i, c: i.search(c, k=0),
        lambda i, c: i.within(c, radius=-1),
        lambda i, c: i.search(c[0], margin=np.zeros(3)),
    ],
)
def test_what_is_wrong_raises_and_changes_nothing(index, codes, change):
    index.add([1, 2], codes[:2])
    with pytest.raises(ValueError, match=r".{10}"):
        change(index, codes)
    assert sorted(index.within(codes[0], radius=44)[0].ids) == [1, 2]


def test_searches_are_exact_and_ties_go_by_id(index, codes):
    ids = np.random.default_rng(1).permutation(300)
    index.add(ids, codes)
    queries = np.concatenate([codes[:3], brute.random_codes(np.random.default_rng(2), 3, 44)])
    margin = np.random.default_rng(3).integers(-8, 9, (6, 44)) / 8
    allowed = ids[:40]
    plain, weighted = index.search(queries, k=400), index.search(queries, k=25, margin=margin)
    few, near, same = (
        index.search(queries, k=25, among=allowed),
        index.within(queries, radius=9),
        index.lookup(queries),
    )
    assert plain.ids.shape == plain.distances.shape == (6, 400)
    for i, query in enumerate(queries):
        for found, expected in (
            (plain, brute.nearest(ids, codes, query, 400)),
            (weighted, brute.nearest(ids, codes, query, 25, np.abs(margin[i]))),
            (few, brute.nearest(ids[:40], codes[:40], query, 25)),
        ):
            np.testing.assert_array_equal(found.ids[i], expected[0])
            np.testing.assert_array_equal(found.distances[i], expected[1])
        for matches, radius in ((near, 9), (same, 0)):
            expected = brute.within(ids, codes, query, radius)
            np.testing.assert_array_equal(matches[i].ids, expected[0])
            np.testing.assert_array_equal(matches[i].distances, expected[1])
            where = slice(matches.offsets[i], matches.offsets[i + 1])
            np.testing.assert_array_equal(matches.ids[where], expected[0])


def test_filters_by_payload(index, codes):
    index.add(np.arange(300), codes, [i % 3 for i in range(300)])
    found = index.search(codes[:4], k=5, where=lambda payload: payload == 1)
    near = index.within(codes[:4], radius=8, where=lambda payload: payload == 1)
    ones = np.arange(1, 300, 3)
    for i in range(4):
        expected = brute.nearest(ones, codes[ones], codes[i], 5)
        np.testing.assert_array_equal(found.ids[i], expected[0])
        np.testing.assert_array_equal(near[i].ids, brute.within(ones, codes[ones], codes[i], 8)[0])


def test_an_empty_index_answers(index, codes):
    assert index.search(codes[:2], k=3).ids.tolist() == [[-1] * 3] * 2
    assert index.search(codes[:2], k=3).distances.tolist() == [[-1] * 3] * 2
    assert [match.ids.tolist() for match in index.within(codes[:2])] == [[], []]
    index.add([], codes[:0])
    index.remove([])
    assert len(index) == 0
