"""`NeighbourCodes`: bits of a neighbour graph's slowest-varying functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse
import scipy.sparse.linalg

from zoo.neighbours.graph import nearest_rows
from zoo.neighbours.refinement import GAIN, refine_bits, row_weights
from zoo.neighbours.rotation import binary_rotation
from zoo.neighbours.smoothing import smooth_map

NEIGHBOURS = 30
# Dimensions that codes are fitted to: two for each bit, within these bounds; of texts, the fewest.
MIN_DIMS, MAX_DIMS = 64, 128
# Rows that the graph is made of; others get the mean of the neighbours that they have there.
MAX_ROWS = 60_000
# Dimensions that codes begin with: two for each bit up to so many, then one. For texts, one for
# each bit up to so many, for a rotation makes narrow dimensions count as much as wide ones.
START_DIMS, TEXT_START_DIMS = 32, 24
# Dimensions that tell the largest groups apart, which count a second time but in texts: their
# length beside that of all, and the bits from which on. Shorter codes have less room for both.
GROUP_DIMS, GROUP_LENGTH, GROUP_BITS = 10, 0.25, 64
# What the last dimension counts against one that is constant on the graph.
LAST_WEIGHT = 0.5


class NeighbourCodes:
    """Codes in which neighbours differ in few bits.

    The rows become the nodes of a graph, joined to their nearest neighbours. The eigenvectors
    of a random walk on it with the largest eigenvalues are the functions of the nodes that
    change least between neighbours (Laplacian eigenmaps); scaled by powers of the eigenvalues
    they embed the rows by where walks of some length lead (diffusion maps). Each row of them is
    brought to length 1, and those of texts nearer to what their words tell (`smooth_map`). The
    signs of a rotation of the first of them are bits to begin with; it is a random one, or for
    texts the one that loses least (`binary_rotation`). The bits are then changed until their
    inner products are as near to those of the rows as can be (`refine_bits`), where texts that
    are like many others count less, and of other rows the first dimensions count a second time,
    which keeps large groups apart.

    Args:
        bits: Bits of a code.
        neighbours: Neighbours that a row is joined to.
        seed: Seed of the rotation, and of the choice of rows where there are too many.

    Attributes:
        map: The diffusion map `[n, dims]`, the slowest dimension first, once fitted; of texts
            smoothed, the widest first.
        codes: The codes of the rows that it was fitted to, uint8 of 0 and 1 `[n, bits]`.

    Raises:
        ValueError: If a number is not positive.

    Reference:
        [Zhang et al., Self-Taught Hashing for Fast Similarity Search,
        2010](https://doi.org/10.1145/1835449.1835455);
        [Belkin & Niyogi, Laplacian Eigenmaps, 2003](https://doi.org/10.1162/089976603321780317);
        [Coifman & Lafon, Diffusion Maps, 2006](https://doi.org/10.1016/j.acha.2006.04.006)

    Example:
    >>> teacher = NeighbourCodes(32).fit(features)
    >>> teacher.transform(features)
    """

    def __init__(self, bits: int, neighbours: int = NEIGHBOURS, seed: int = 0):
        if bits < 1 or neighbours < 1:
            raise ValueError(
                "`bits` and `neighbours` must be positive. "
                f"Received: bits={bits}, neighbours={neighbours}"
            )
        self.bits = bits
        self.neighbours = neighbours
        self.seed = seed

    def fit(self, features: Any, progress: Callable[[int], None] | None = None) -> NeighbourCodes:
        """Finds the neighbours of all rows and the functions that change least among them.

        Args:
            features: float32 `[n, features]` with rows of length 1, dense or SciPy's CSR.
            progress: Called with the number of rows whose neighbours are found.

        Returns:
            The object itself.

        Raises:
            ValueError: If there are too few rows.
        """
        count = features.shape[0]
        if count <= self.bits + 1:
            raise ValueError(
                f"Codes of {self.bits} bits that keep neighbours together want more than "
                f"{self.bits + 1} rows. Received: {count} rows"
            )
        rows = np.arange(count)
        if count > MAX_ROWS:
            rows = np.sort(np.random.default_rng(self.seed).permutation(count)[:MAX_ROWS])
        self.features = features[rows]
        neighbours = min(self.neighbours, len(rows) - 1)
        found = nearest_rows(self.features, self.features, neighbours, False, progress)
        texts = scipy.sparse.issparse(self.features)
        dims = MIN_DIMS if texts else min(MAX_DIMS, max(MIN_DIMS, 2 * self.bits))
        self.map = _diffusion(found, min(dims, len(rows) - 2))
        if not texts:
            self.signs = refine_bits(self._with_groups(), self._random_signs(), self.seed)
            return self
        self.map = smooth_map(_unit(self.map), self.features)
        vectors = _unit(self.map)
        first = self.map[:, : min(self.bits, TEXT_START_DIMS)]
        start = np.where(first @ binary_rotation(first, self.bits, self.seed) > 0, 1, -1)
        gain, weights = GAIN * 2 * self.bits, row_weights(vectors)
        self.signs = refine_bits(vectors, start, self.seed, gain, weights)
        return self

    def _with_groups(self) -> np.ndarray:
        """The map, and beside it what its first dimensions tell by themselves."""
        length = GROUP_LENGTH * min(1, self.bits / GROUP_BITS)
        return _unit(np.hstack([_unit(self.map), length * _unit(self.map[:, :GROUP_DIMS])]))

    def _random_signs(self) -> np.ndarray:
        """Signs of a random rotation of the first dimensions."""
        size = max(self.bits, min(2 * self.bits, START_DIMS))
        first = _unit(self.map[:, :size])
        rotation = np.linalg.qr(np.random.default_rng(self.seed).normal(size=(size, size)))[0]
        return np.where(first @ rotation[: first.shape[1], : self.bits] > 0, 1, -1)

    @property
    def codes(self) -> np.ndarray:
        """The codes of the rows that the graph is made of, uint8 of 0 and 1."""
        return (self.signs > 0).astype("uint8")

    def transform(self, features: Any, progress: Callable[[int], None] | None = None) -> np.ndarray:
        """The codes of any rows: what most of their neighbours have, bit by bit.

        Args:
            features: Rows, as for `fit`.
            progress: Called with the number of rows that are done.

        Returns:
            uint8 of 0 and 1 `[n, bits]`.
        """
        neighbours = min(self.neighbours, len(self.signs))
        found = nearest_rows(features, self.features, neighbours, progress=progress)
        votes = np.stack([self.signs[some].sum(0) for some in found])
        return (votes > 0).astype("uint8")


def neighbour_codes(
    features: Any,
    bits: int,
    neighbours: int = NEIGHBOURS,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Codes of rows, to teach an encoder; see `NeighbourCodes`.

    Args:
        features: float32 `[n, features]` with rows of length 1, dense or SciPy's CSR.
        bits: Bits of a code.
        neighbours: Neighbours that a row is joined to.
        seed: See `NeighbourCodes`.
        progress: Called with the number of rows whose neighbours are found.

    Returns:
        uint8 of 0 and 1 `[n, bits]`.

    Raises:
        ValueError: If there are too few rows or a number is not positive.

    Example:
    >>> codes = neighbour_codes(neighbour_features(ae, x), 32)
    >>> ae.fit(x, {"code": codes})
    """
    teacher = NeighbourCodes(bits, neighbours, seed).fit(features, progress)
    if features.shape[0] > MAX_ROWS:
        return teacher.transform(features, progress)
    return teacher.codes


def _diffusion(found: np.ndarray, dims: int) -> np.ndarray:
    """The diffusion map of the graph that joins each row to those found for it `[n, dims]`."""
    count, k = found.shape
    starts = np.arange(0, count * k + 1, k)
    joined = scipy.sparse.csr_array((np.full(count * k, 0.5), found.ravel(), starts), (count,) * 2)
    weights = joined + joined.T
    root = np.sqrt(weights.sum(1))
    walk = scipy.sparse.diags_array(1 / root) @ weights @ scipy.sparse.diags_array(1 / root)
    # One eigenvector is known: it is constant on the graph and tells nothing. It is taken out of
    # the operator, not out of the result, for where the graph falls apart there are several of
    # the same eigenvalue, which come out mixed.
    constant = root / np.linalg.norm(root)
    others = scipy.sparse.linalg.LinearOperator(
        walk.shape, matvec=lambda v: walk @ v - constant * (constant @ v), dtype="float64"
    )
    # Where to begin is fixed, for the result is to be.
    start = np.random.default_rng(0).normal(size=count)
    values, vectors = scipy.sparse.linalg.eigsh(others, dims, which="LA", tol=1e-3, v0=start)
    values, vectors = np.clip(values[::-1], 1e-3, 1 - 1e-9), vectors[:, ::-1] / root[:, None]
    return vectors * values ** (np.log(LAST_WEIGHT) / np.log(values[-1]))


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
