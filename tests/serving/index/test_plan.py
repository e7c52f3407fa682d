"""The planner takes the cheap way on large segments, says so, and is right on all of them."""

import brute
import numpy as np
import pytest

from serving.index import HashIndex
from serving.index.codes import word_count, word_dtype
from serving.index.tables import choose_layout

N = 40_000


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    return brute.random_codes(rng, N + 50, 64, clusters=800, flip=0.03)


@pytest.fixture(scope="module")
def index(data, tmp_path_factory):
    with HashIndex.open(tmp_path_factory.mktemp("plan") / "i", bits=64) as index:
        index.add(np.arange(N), data[:N])
        yield index


def methods(steps):
    return [step.method for step in steps]


def test_near_queries_probe_and_far_ones_scan(index, data):
    assert methods(index.explain(data[0], radius=0)) == ["bucket"]
    assert methods(index.explain(data[0], radius=2)) == ["multi-index"]
    assert methods(index.explain(data[0], k=5)) == ["multi-index"]
    assert methods(index.explain(data[0], radius=30)) == ["scan"]
    assert methods(index.explain(data[0], k=N)) == ["scan"]
    far = ~data[0]
    assert methods(index.explain(far, k=5))[0].endswith("scan")
    step = index.explain(data[0], k=5)[0]
    assert step.entries == N
    assert 0 < step.candidates < N / 4
    assert "codes compared" in str(step)
    (some,) = index.explain(data[0], k=5, among=np.array([7, 9]))
    assert (some.method, some.entries) == ("scan", 2)


def test_least_certain_bits_are_flipped_first(index, data):
    flipped = data[0].copy()
    flipped[7] ^= 0b111
    unsure = np.full(64, 4.0)
    unsure[61:] = 1 / 64
    step = index.explain(flipped, k=3, margin=unsure)[0]
    blind = index.explain(flipped, k=3, margin=np.ones(64))[0]
    assert step.method == "query-directed"
    assert step.probes < blind.probes
    found = index.search(flipped, k=3, margin=unsure)
    assert found.distances[0, 0] <= 3 / 64


def test_short_codes_flip_the_whole_code(tmp_path):
    rng = np.random.default_rng(0)
    codes = brute.random_codes(rng, N, 12)
    with HashIndex.open(tmp_path / "i", bits=12) as index:
        index.add(np.arange(N), codes)
        assert methods(index.explain(codes[0], radius=1)) == ["bucket"]
        found = index.within(codes[:5], radius=1)
        for i in range(5):
            expected = brute.within(np.arange(N), codes, codes[i], 1)
            np.testing.assert_array_equal(found[i].ids, expected[0])


@pytest.mark.parametrize("removed", [False, True])
def test_batches_in_threads_equal_single_queries_and_brute_force(index, data, removed):
    if removed:
        index.remove(np.arange(0, N, 5), missing_ok=True)
    ids, codes, _ = index.entries()
    rng = np.random.default_rng(1)
    queries = np.concatenate([data[N:], brute.random_codes(rng, 90, 64)])
    margin = rng.integers(-64, 65, (len(queries), 64)) / 64
    near, weighted = index.search(queries, k=7), index.search(queries, k=7, margin=margin)
    matches = index.within(queries, radius=4)
    for i in range(0, len(queries), 7):
        for found, expected in (
            (near, brute.nearest(ids, codes, queries[i], 7)),
            (weighted, brute.nearest(ids, codes, queries[i], 7, np.abs(margin[i]))),
        ):
            np.testing.assert_array_equal(found.ids[i], expected[0])
            np.testing.assert_array_equal(found.distances[i], expected[1])
        expected = brute.within(ids, codes, queries[i], 4)
        np.testing.assert_array_equal(matches[i].ids, expected[0])
        alone = index.search(queries[i], k=7)
        np.testing.assert_array_equal(alone.ids[0], near.ids[i])


@pytest.mark.parametrize("bits", [8, 32, 64, 100, 128, 256, 512])
@pytest.mark.parametrize("n", [1 << 14, 100_000, 1_000_000, 10_000_000])
def test_tables_take_at_most_three_times_codes_and_ids(bits, n):
    word_bits = word_dtype(bits).itemsize * 8
    layout = choose_layout(n, bits, word_bits)
    taken = word_count(bits) * word_bits // 8 + 8 + 4 * len(layout)
    assert n * taken + 4 * int((1 << layout[:, 3]).sum()) <= 3 * n * (bits // 8 + 8)
    covered = {
        (word, bit)
        for _, word, shift, length in layout.tolist()
        for bit in range(shift, shift + length)
    }
    assert len(covered) == layout[:, 3].sum()
    assert len(covered) == bits or (n < 1_000_000 and bits > 64)
