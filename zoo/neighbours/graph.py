"""The nearest rows of every row, exactly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse
import sklearn.neighbors

# Inner products of sparse rows that are held at once.
BLOCK = 20_000_000
# Dense queries between two reports of progress.
QUERIES = 2000
# Share of the rows from which on a column of sparse rows is multiplied as a dense one.
DENSE = 0.05


def nearest_rows(
    queries: Any,
    rows: Any,
    k: int,
    itself: bool = True,
    progress: Callable[[int], None] | None = None,
) -> np.ndarray:
    """The rows with the largest inner products with each query, rows being of one length.

    Args:
        queries: float32 `[q, features]`, dense or SciPy's CSR.
        rows: The same, `[n, features]`.
        k: How many; at most n, less if not `itself`.
        itself: Whether row i may be found for query i.
        progress: Called with the number of queries that are done, after each block.

    Returns:
        int64 `[q, k]`.

    Raises:
        ValueError: If there are not enough rows.

    Example:
    >>> nearest_rows(np.eye(2), np.eye(2), 1)
    array([[0],
           [1]])
    """
    wanted = k + (not itself)
    if not k >= 1 or wanted > rows.shape[0]:
        raise ValueError(
            "`k` must be positive and not more than there are rows to find. "
            f"Received: k={k}, {rows.shape[0]} rows"
        )
    find: Callable[[Any], np.ndarray]
    if scipy.sparse.issparse(rows):
        block = max(1, BLOCK // rows.shape[0])
        often = rows.count_nonzero(axis=0) > DENSE * rows.shape[0]
        seldom_used, often_used = rows[:, ~often].T, rows[:, often].toarray().T

        def find(some: Any) -> np.ndarray:
            products = (some[:, ~often] @ seldom_used).toarray()
            products += some[:, often].toarray() @ often_used
            return np.argpartition(-products, wanted - 1, axis=1)[:, :wanted]
    else:
        block = QUERIES
        index = sklearn.neighbors.NearestNeighbors(n_neighbors=wanted, algorithm="brute").fit(rows)

        def find(some: Any) -> np.ndarray:
            return index.kneighbors(some, return_distance=False)

    found = np.empty((queries.shape[0], k), "int64")
    for start in range(0, len(found), block):
        part = find(queries[start : start + block])
        if not itself:
            # The row itself goes last, and then goes; where a twin took its place, that goes.
            own = part == start + np.arange(len(part))[:, None]
            part = np.take_along_axis(part, np.argsort(own, axis=1, kind="stable"), axis=1)
        found[start : start + block] = part[:, :k]
        if progress is not None:
            progress(min(start + block, len(found)))
    return found
