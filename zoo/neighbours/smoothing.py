"""A map of texts that is brought nearer to what their features tell."""

from __future__ import annotations

from typing import Any

import numpy as np
import sklearn.linear_model

# What the size of coefficients costs, where rows have length 1.
PENALTY = 4.0
# What the prediction counts beside the vectors themselves.
SHARE = 0.5
# The power of their spread that dimensions keep, so that bits have use for more than the widest.
POWER = 0.75


def smooth_map(vectors: np.ndarray, features: Any) -> np.ndarray:
    """Moves the vectors of rows to those that a ridge regression predicts from their features.

    What neighbours have in common by chance can't be predicted, so that it counts less. The
    vectors go half of the way; what comes of it is turned to its principal components, whose
    spread is brought nearer to one.

    Args:
        vectors: Rows `[n, dims]` of length 1.
        features: What they are predicted from, `[n, features]` with rows of length 1, dense or
            SciPy's CSR.

    Returns:
        float32 `[n, dims]`, centred, the widest dimension first.

    Reference:
        [Cai, He & Han, Spectral Regression for Efficient Regularized Subspace Learning,
        2007](https://doi.org/10.1109/ICCV.2007.4408855), for eigenvectors of a graph that are
        regressed on features

    Example:
    >>> smooth_map(vectors, features)
    """
    vectors = np.asarray(vectors - vectors.mean(0), "float32")
    ridge = sklearn.linear_model.Ridge(PENALTY, fit_intercept=False, solver="sparse_cg", tol=1e-3)
    predicted = ridge.fit(features, vectors).predict(features).reshape(vectors.shape)
    moved = vectors + SHARE * (predicted - vectors)
    left, spread, _ = np.linalg.svd(moved - moved.mean(0), full_matrices=False)
    return (left * spread**POWER).astype("float32")
