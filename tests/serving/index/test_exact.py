"""Every answer equals brute force, for every code length, with ties and duplicates."""

import subprocess
import sys

import brute
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.index import HashIndex, engine, segment


@st.composite
def entries(draw):
    bits = draw(st.integers(8, 512))
    n = draw(st.integers(0, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    clusters = draw(st.sampled_from([None, 1, 3]))
    codes = brute.random_codes(rng, n + 3, bits, clusters, draw(st.sampled_from([0, 0.02, 0.2])))
    ids = rng.choice(2**62, n, replace=False) if draw(st.booleans()) else rng.permutation(n)
    return bits, ids.astype(np.int64), codes[:n], codes[n:]


def check(index, ids, codes, queries, k, radius):
    neighbors = index.search(queries, k=k)
    matches = index.within(queries, radius=radius)
    assert neighbors.ids.shape == neighbors.distances.shape == (len(queries), k)
    assert len(matches) == len(queries)
    for i, query in enumerate(queries):
        expected_ids, expected = brute.nearest(ids, codes, query, k)
        np.testing.assert_array_equal(neighbors.ids[i], expected_ids)
        np.testing.assert_array_equal(neighbors.distances[i], expected)
        expected_ids, expected = brute.within(ids, codes, query, radius)
        np.testing.assert_array_equal(matches[i].ids, expected_ids)
        np.testing.assert_array_equal(matches[i].distances, expected)


@pytest.fixture(params=["scan", "tables", "tables, then scan"])
def method(request, monkeypatch):
    """Makes small indexes use tables as large ones do, with or without room to probe them."""
    if request.param != "scan":
        monkeypatch.setattr(segment, "MIN_ENTRIES", 2)
        monkeypatch.setattr(engine, "MIN_SHARE", 1)
        cost = 1e9 if request.param == "tables" else 30.0
        monkeypatch.setattr(engine, "SCAN_COST", cost)
    return request.param


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(entries(), st.integers(1, 80), st.integers(0, 40))
def test_equals_brute_force(tmp_path_factory, method, data, k, radius):
    bits, ids, codes, queries = data
    with HashIndex.open(tmp_path_factory.mktemp("index") / "i", bits=bits) as index:
        half = len(ids) // 2
        index.add(ids[:half], codes[:half])
        index.compact()
        index.add(ids[half:], codes[half:])
        check(index, ids, codes, queries, k, radius)
        gone = ids[::3]
        index.remove(gone)
        left = ~np.isin(ids, gone)
        check(index, ids[left], codes[left], queries, k, radius)
        assert len(index) == left.sum()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(entries(), st.integers(1, 30), st.integers(1, 64))
def test_margins_equal_brute_force(tmp_path_factory, method, data, k, levels):
    bits, ids, codes, queries = data
    rng = np.random.default_rng(k)
    # Few levels give many ties; multiples of 1/64 add up exactly in any order.
    margins = rng.integers(-levels, levels + 1, (len(queries), bits)) / 64
    with HashIndex.open(tmp_path_factory.mktemp("index") / "i", bits=bits) as index:
        index.add(ids[5:], codes[5:])
        index.compact()
        index.add(ids[:5], codes[:5])
        found = index.search(queries, k=k, margin=margins)
        alone = index.search(queries[0], k=k, margin=margins[0])
    for i, query in enumerate(queries):
        differing = np.unpackbits(codes ^ query, axis=1)[:, :bits]
        costs = differing @ np.abs(margins[i])
        order = np.lexsort((ids, costs))[:k]
        np.testing.assert_array_equal(found.ids[i, : len(order)], ids[order])
        np.testing.assert_array_equal(found.distances[i, : len(order)], costs[order])
        assert (found.ids[i, len(order) :] == -1).all()
    np.testing.assert_array_equal(alone.ids[0], found.ids[0])


@settings(max_examples=30, deadline=None)
@given(entries(), st.integers(0, 2**32))
def test_xor_with_a_constant_changes_nothing(tmp_path_factory, data, seed):
    bits, ids, codes, queries = data
    mask = brute.pack(np.random.default_rng(seed).random(bits) < 0.5)
    with (
        HashIndex.open(tmp_path_factory.mktemp("a"), bits=bits) as plain,
        HashIndex.open(tmp_path_factory.mktemp("b"), bits=bits) as masked,
    ):
        plain.add(ids, codes)
        masked.add(ids, codes ^ mask)
        one, other = plain.search(queries, k=9), masked.search(queries ^ mask, k=9)
    np.testing.assert_array_equal(one.ids, other.ids)
    np.testing.assert_array_equal(one.distances, other.distances)


def test_one_code_alone_is_one_query(tmp_path):
    with HashIndex.open(tmp_path / "i", bits=16) as index:
        index.add([7], np.array([[1, 2]], np.uint8))
        code = np.array([1, 3], np.uint8)
        assert index.search(code, k=2).ids.tolist() == [[7, -1]]
        assert index.search(code, k=2).distances.tolist() == [[1, -1]]
        assert index.lookup(code)[0].ids.tolist() == []
        assert index.within(code, radius=1)[0].ids.tolist() == [7]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda i: i.search(np.zeros(3, np.uint8)), r"shape \[n, 2\].*\(1, 3\)"),
        (lambda i: i.search(np.zeros(2, np.int64)), "uint8.*int64"),
        (lambda i: i.search(np.zeros(2, np.uint8), k=0), "k=0"),
        (lambda i: i.within(np.zeros(2, np.uint8), radius=-1), "radius"),
        (lambda i: i.search(np.array([0, 1], np.uint8)), "must be zero"),
        (lambda i: i.search(np.zeros(2, np.uint8), margin=np.zeros(5)), r"\[1, 12\].*\(1, 5\)"),
        (lambda i: i.search(np.zeros(2, np.uint8), margin=np.full(12, np.nan)), "finite"),
        (lambda i: i.add([1, 1], np.zeros((2, 2), np.uint8)), "id 1 more than once"),
        (lambda i: i.add([-1], np.zeros((1, 2), np.uint8)), "from 0"),
        (lambda i: i.add([1.5], np.zeros((1, 2), np.uint8)), "whole numbers.*float64"),
        (lambda i: i.add([1, 2], np.zeros((1, 2), np.uint8)), "2 ids, 1 codes"),
        (lambda i: i.add([1], np.zeros((1, 2), np.uint8), [{1, 2}]), "JSON"),
        (lambda i: i.add([5, 6], np.zeros((2, 2), np.uint8)), "already.*: 5"),
        (lambda i: i.remove([5, 9]), "not in the index: 9"),
        (lambda i: i.payloads([9]), "id 9 is not"),
    ],
)
def test_bad_input_is_named_and_changes_nothing(tmp_path, call, message):
    with HashIndex.open(tmp_path / "i", bits=12) as index:
        index.add([5], np.zeros((1, 2), np.uint8))
        with pytest.raises(ValueError, match=message):
            call(index)
        assert len(index) == 1


@pytest.mark.parametrize("bits", [7, 513, True, 8.5])
def test_bits_must_be_a_number_in_range(tmp_path, bits):
    with pytest.raises(ValueError, match="bits"):
        HashIndex.open(tmp_path / "i", bits=bits)


def test_import_needs_numpy_only():
    # A bare parent package, so that what `serving` itself imports does not count.
    code = """
import importlib.util, sys, types
serving = types.ModuleType("serving")
serving.__path__ = importlib.util.find_spec("serving").submodule_search_locations
sys.modules["serving"] = serving
import serving.index
print([m for m in ("tensorflow", "keras", "grpc", "zoo") if m in sys.modules])
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
