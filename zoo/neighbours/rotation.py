"""The rotation that loses least when coordinates become signs."""

from __future__ import annotations

import numpy as np


def binary_rotation(rows: np.ndarray, bits: int, seed: int = 0, iterations: int = 50) -> np.ndarray:
    """Finds a rotation into `bits` coordinates that are as near to -1 and 1 as can be.

    Signs and rotation are fitted to each other in turn (iterative quantisation).

    Args:
        rows: Centred rows `[n, dims]`.
        bits: Number of coordinates, at least `dims`: more give each dimension several bits.
        seed: Seed of the rotation to begin with.
        iterations: Rounds.

    Returns:
        Float `[dims, bits]` with orthonormal rows.

    Raises:
        ValueError: If there are fewer bits than dimensions.

    Reference:
        [Gong & Lazebnik, Iterative Quantization, 2011](https://doi.org/10.1109/CVPR.2011.5995432)

    Example:
    >>> codes = rows @ binary_rotation(rows, 64) > 0
    """
    dims = rows.shape[1]
    if bits < dims:
        raise ValueError(f"There must be at least {dims} bits. Received: bits={bits}")
    random = np.random.default_rng(seed).normal(size=(bits, bits))
    rotation = np.linalg.qr(random)[0][:dims]
    for _ in range(iterations):
        left, _, right = np.linalg.svd(rows.T @ np.sign(rows @ rotation), full_matrices=False)
        rotation = left @ right
    return rotation
