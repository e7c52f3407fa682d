"""Codes in two dimensions."""

from __future__ import annotations

import numpy as np
import sklearn.decomposition
import sklearn.manifold

from zoo.evaluation.rows import evenly_spaced
from zoo.evaluation.threads import one_thread

ROWS, ROWS_IN_FULL = 1500, 5000
# t-SNE asks for more rows than its perplexity of 30.
MIN_ROWS = 50


def map_rows(rows: int, full: bool = False) -> np.ndarray:
    """Indices of the rows that are drawn: up to 1,500, or 5,000 in full."""
    return evenly_spaced(rows, ROWS_IN_FULL if full else ROWS)


def can_be_mapped(codes: np.ndarray) -> bool:
    """Whether there are several codes `[n, size]`, and a map of such codes."""
    return len(codes) > (1 if codes.shape[1] > 1 else MIN_ROWS)


def two_dimensional_maps(codes: np.ndarray, full: bool = False) -> dict[str, np.ndarray]:
    """Maps codes to the plane in the ways that make sense for them.

    Args:
        codes: `[n, size]`.
        full: Whether to map by UMAP too; its start takes long.

    Returns:
        Names to points `[n, 2]`: `"code"` where it has two units itself, `"PCA"` and, from 51
        rows on, `"t-SNE"` and in full `"UMAP"` where it has more. Always the same for the same
        codes.

    Reference:
        van der Maaten & Hinton, Visualizing Data using t-SNE, 2008; McInnes, Healy & Melville,
        UMAP, 2018.

    Example:
    >>> two_dimensional_maps(test_codes)["PCA"].shape
    (1500, 2)
    """
    if codes.shape[1] == 2:
        return {"code": codes}
    maps = {}
    if codes.shape[1] > 1 and len(codes) > 1:
        with np.errstate(invalid="ignore"):  # of codes that are all the same
            maps["PCA"] = sklearn.decomposition.PCA(2, random_state=0).fit_transform(codes)
    if len(codes) > MIN_ROWS:
        tsne = sklearn.manifold.TSNE(2, init="random", random_state=0)
        with one_thread():
            maps["t-SNE"] = tsne.fit_transform(codes)
        if full:
            import umap  # compiles for seconds

            maps["UMAP"] = umap.UMAP(random_state=0, n_jobs=1).fit_transform(codes)
    return maps
