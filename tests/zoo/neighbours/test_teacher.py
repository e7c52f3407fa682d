import numpy as np
import pytest
import scipy.sparse

from zoo.neighbours import (
    NeighbourCodes,
    binary_rotation,
    neighbour_codes,
    refine_bits,
    refinement,
    row_weights,
)
from zoo.neighbours import teacher as module


def clusters(count=40, dims=6, spread=0.1, seed=0):
    """Rows of three groups, one after the other."""
    rng = np.random.default_rng(seed)
    rows = np.repeat(np.eye(3, dims), count, axis=0) + rng.normal(size=(3 * count, dims)) * spread
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype("float32")


def hamming(a, b):
    return (a[:, None] != b[None]).sum(-1)


def test_codes_of_a_group_are_nearer_than_those_of_others():
    codes = neighbour_codes(clusters(), bits=3, neighbours=8)
    distances = hamming(codes, codes).reshape(3, 40, 3, 40)
    within = np.mean([distances[i, :, i].mean() for i in range(3)])
    between = np.mean([distances[i, :, j].mean() for i in range(3) for j in range(3) if i != j])
    assert within < 0.6 * between


def test_embedding_is_the_walks_eigenvectors():
    """Against the definition, densely: P v = lambda v for the random walk P."""
    found = np.random.default_rng(0).integers(0, 50, (50, 5))
    map_ = module._diffusion(found, 3)
    joined = np.zeros((50, 50))
    np.add.at(joined, (np.arange(50)[:, None], found), 0.5)
    walk = (joined + joined.T) / (joined + joined.T).sum(1, keepdims=True)
    values = np.sort(np.linalg.eigvals(walk).real)[::-1][1:4]
    np.testing.assert_allclose(walk @ map_, map_ * values, atol=5e-3 * np.abs(map_).max())


def test_the_last_dimension_counts_half():
    found = np.random.default_rng(0).integers(0, 200, (200, 5))
    map_ = module._diffusion(found, 3)
    degrees = np.bincount(found.ravel(), minlength=200) + 5
    lengths = np.sqrt((degrees[:, None] * map_**2).sum(0))
    assert lengths[0] > lengths[1] > lengths[2]


def test_new_rows_get_the_codes_of_their_neighbours():
    teacher = NeighbourCodes(8, neighbours=8).fit(clusters())
    new = teacher.transform(clusters(seed=1))
    distances = hamming(new, teacher.codes).reshape(3, 40, 3, 40).mean((1, 3))
    assert (distances.argmin(1) == np.arange(3)).all()


def test_too_many_rows_for_one_graph_get_codes_all_the_same(monkeypatch):
    monkeypatch.setattr(module, "MAX_ROWS", 60)
    codes = neighbour_codes(clusters(), bits=8, neighbours=8)
    assert codes.shape == (120, 8)
    distances = hamming(codes, codes).reshape(3, 40, 3, 40).mean((1, 3))
    assert (distances.argmin(1) == np.arange(3)).all()


def test_same_seed_same_codes():
    first, again, other = (neighbour_codes(clusters(), 8, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_many_bits_and_rows_that_are_all_alike():
    assert neighbour_codes(clusters(60), 100).shape == (180, 100)
    alike = np.ones((40, 1), "float32")
    assert neighbour_codes(alike, 4).shape == (40, 4)


@pytest.mark.parametrize("options", [{"bits": 0}, {"bits": 4, "neighbours": 0}])
def test_wrong_options(options):
    with pytest.raises(ValueError, match="must be positive"):
        NeighbourCodes(**options)


def test_too_few_rows():
    with pytest.raises(ValueError, match="more than 9 rows"):
        neighbour_codes(clusters(3), 8)


def test_refined_bits_come_nearer_to_the_inner_products_of_vectors():
    """Vectors of more dimensions than bits, of which a rotation can use only the first."""
    vectors = np.random.default_rng(0).normal(size=(300, 24))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    start = np.sign(vectors[:, :8])
    kept = start.copy()
    refined = refine_bits(vectors, start)
    wanted = refinement.GAIN * 24 * vectors @ vectors.T
    before, after = (np.square(bits @ bits.T - wanted).mean() for bits in (start, refined))
    assert after < before
    assert set(np.unique(refined)) == {-1, 1}
    assert np.abs(refined.mean(0)).max() < 0.3
    np.testing.assert_array_equal(start, kept)


@pytest.mark.parametrize("gain", [0.2, 0.5, 1.0, 3.0])
def test_refined_bits_are_never_worse_than_those_they_began_with(gain, monkeypatch):
    """Too low a gain asks for bits that can't be; they must not all become one."""
    monkeypatch.setattr(refinement, "GAIN", gain)
    vectors = clusters() / np.linalg.norm(clusters(), axis=1, keepdims=True)
    vectors -= vectors.mean(0)
    start = np.sign(np.random.default_rng(0).normal(size=(len(vectors), 16)))

    def misfit(bits):
        bits = bits - bits.mean(0)
        return np.square(bits @ bits.T - gain * 16 * vectors @ vectors.T).sum()

    refined = refine_bits(vectors, start)
    assert misfit(refined) <= misfit(start) * (1 + 1e-4)


def test_a_row_of_weight_two_is_as_good_as_two_rows():
    rng = np.random.default_rng(0)
    vectors, weights = rng.normal(size=(60, 9)), rng.integers(1, 4, 60)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    start = np.sign(rng.normal(size=(60, 4)))
    weighted = refine_bits(vectors, start, weights=weights)
    repeated = refine_bits(np.repeat(vectors, weights, 0), np.repeat(start, weights, 0))
    np.testing.assert_array_equal(np.repeat(weighted, weights, 0), repeated)


def test_rows_of_a_large_group_count_less():
    vectors = np.repeat(np.eye(2), [90, 10], axis=0)
    weights = row_weights(vectors)
    np.testing.assert_allclose(weights[-1] / weights[0], 3)
    np.testing.assert_allclose(row_weights(np.eye(5)), 5**0.5)


def test_bits_of_texts_begin_with_the_first_dimensions_turned_to_signs(monkeypatch):
    monkeypatch.setattr(module, "refine_bits", lambda vectors, start, *args: start)
    texts = scipy.sparse.csr_array(clusters())
    for bits in (8, 40):
        teacher = NeighbourCodes(bits, neighbours=8).fit(texts)
        first = teacher.map[:, : min(bits, module.TEXT_START_DIMS)]
        rotated = first @ binary_rotation(first, bits)
        np.testing.assert_array_equal(teacher.signs, np.where(rotated > 0, 1, -1))
    images = NeighbourCodes(8, neighbours=8).fit(clusters())
    assert (images.signs != NeighbourCodes(8, neighbours=8, seed=1).fit(clusters()).signs).any()


@pytest.mark.parametrize(("bits", "length"), [(8, 0.25 / 8), (64, 0.25), (70, 0.25)])
def test_the_first_dimensions_count_a_second_time(bits, length, monkeypatch):
    fitted = []
    monkeypatch.setattr(
        module, "refine_bits", lambda vectors, start, *args: fitted.append(vectors) or start
    )
    map_ = NeighbourCodes(bits, neighbours=8).fit(clusters()).map
    whole, groups = (
        part @ part.T
        for part in (
            rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (map_, map_[:, :10])
        )
    )
    products = fitted[0] @ fitted[0].T
    np.testing.assert_allclose(products, (whole + length**2 * groups) / (1 + length**2), atol=1e-5)


def test_rotation_is_orthonormal_and_nearer_to_bits_than_a_random_one():
    rows = clusters(spread=0.3) - clusters(spread=0.3).mean(0)
    start, rotation = (binary_rotation(rows, 12, iterations=n) for n in (0, 50))

    def loss(r):
        return np.square(np.sign(rows @ r) - rows @ r).sum()

    np.testing.assert_allclose(rotation @ rotation.T, np.eye(6), atol=1e-6)
    assert loss(rotation) < loss(start)
    with pytest.raises(ValueError, match="at least 6"):
        binary_rotation(rows, 5)
