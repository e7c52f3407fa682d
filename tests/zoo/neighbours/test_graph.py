import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import scipy.sparse

from zoo.neighbours import graph as module
from zoo.neighbours import nearest_rows


def unit(count, dims, seed):
    rows = np.random.default_rng(seed).normal(size=(count, dims)).astype("float32")
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@hypothesis.settings(max_examples=20, deadline=None)
@hypothesis.given(st.integers(2, 30), st.integers(0, 99), st.booleans(), st.data())
def test_finds_the_largest_products(count, seed, itself, data):
    rows = unit(count, 4, seed)
    k = data.draw(st.integers(1, count - (not itself)))
    products = rows @ rows.T
    if not itself:
        np.fill_diagonal(products, -np.inf)
    expected = np.sort(products)[:, -k:]
    for given in (rows, scipy.sparse.csr_array(rows)):
        found = nearest_rows(given, given, k, itself)
        np.testing.assert_allclose(
            np.sort(np.take_along_axis(products, found, 1)), expected, atol=1e-5
        )


@pytest.mark.parametrize("of", [np.asarray, scipy.sparse.csr_array])
def test_twins_find_each_other_and_never_themselves(of):
    rows = of(np.repeat(np.eye(2, dtype="float32"), 4, axis=0))
    found = nearest_rows(rows, rows, 3, itself=False)
    assert all(i not in row for i, row in enumerate(found))
    assert (found // 4 == np.arange(8)[:, None] // 4).all()


def test_progress_ends_with_the_number_of_queries(monkeypatch):
    monkeypatch.setattr(module, "QUERIES", 3)
    done = []
    nearest_rows(unit(8, 3, 0), unit(5, 3, 1), 2, progress=done.append)
    assert done == [3, 6, 8]


@pytest.mark.parametrize(("k", "itself"), [(0, True), (6, True), (5, False)])
def test_wrong_k(k, itself):
    with pytest.raises(ValueError, match=f"k={k}, 5 rows"):
        nearest_rows(unit(5, 3, 0), unit(5, 3, 0), k, itself)
