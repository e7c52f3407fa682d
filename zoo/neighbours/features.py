"""What the neighbours of an example are found by, for each kind of data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse
import sklearn.decomposition
import sklearn.feature_extraction.text

from zoo.autoencoder import Autoencoder
from zoo.checks import texts_to_tensor
from zoo.layers import OrientedGradients

BATCH = 1000
# Dense features are brought down to so many principal components, found from so many rows.
COMPONENTS, COMPONENT_ROWS = 100, 20_000


def neighbour_features(
    model: Autoencoder, x: Any, progress: Callable[[int], None] | None = None
) -> Any:
    """Features whose inner products tell how alike examples are.

    Word counts are taken by their TF-IDF (with logarithmic frequencies), images by their
    `OrientedGradients`, and anything else as the model's preprocessing leaves it; dense
    features are centred, and reduced to 100 principal components. A value that was not observed
    (NaN) counts as the mean of the others.

    Args:
        model: The model to be trained, for its preprocessing and its likelihood.
        x: Raw rows `[n, ...]`.
        progress: Called with the number of rows that are done, after each batch.

    Returns:
        float32 `[n, features]`, for word counts a SciPy CSR matrix; rows have length 1.

    Example:
    >>> neighbour_features(zoo.create("semantic-hash", (28, 28, 1), 32), images).shape
    (60000, 100)
    """
    counts = model.likelihood == "multinomial"
    gradients = OrientedGradients() if len(model.output_shape) == 4 else None
    parts = []
    for start in range(0, len(x), BATCH):
        part = model.preprocessor(texts_to_tensor(x[start : start + BATCH]))
        if gradients is not None:
            part = gradients(part)
        part = np.asarray(part).reshape(len(part), -1)
        parts.append(scipy.sparse.csr_array(part) if counts else part)
        if progress is not None:
            progress(min(start + BATCH, len(x)))
    if counts:
        weighting = sklearn.feature_extraction.text.TfidfTransformer(sublinear_tf=True)
        return weighting.fit_transform(scipy.sparse.vstack(parts, format="csr")).astype("float32")
    features = np.concatenate(parts).astype("float32")
    missing = np.isnan(features)
    if missing.any():
        features[missing] = np.broadcast_to(np.nanmean(features, axis=0), features.shape)[missing]
    if features.shape[1] > COMPONENTS:
        some = features[:: -(-len(features) // COMPONENT_ROWS)]
        components = min(COMPONENTS, len(some))
        reduction = sklearn.decomposition.PCA(components, svd_solver="covariance_eigh")
        features = reduction.fit(some).transform(features)
    features -= features.mean(0)
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-9)
