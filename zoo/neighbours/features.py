"""What the neighbours of an example are found by, for each kind of data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse
import sklearn.decomposition
import sklearn.preprocessing

from zoo.autoencoder import Autoencoder
from zoo.checks import texts_to_tensor
from zoo.layers import OrientedGradients

BATCH = 1000
# Dense features are brought down to so many principal components, found from so many rows.
COMPONENTS, COMPONENT_ROWS = 100, 20_000
# BM25's usual constants: how soon counts of a word stop to matter, and how much long documents
# are held back.
SATURATION, FLATTENING = 1.2, 0.75
TOPICS = 64
# What topics count in an inner product: enough to tell words apart that several topics use, and
# not so much that texts of a topic are all alike.
TOPIC_SHARE = 1 / 7


def neighbour_features(
    model: Autoencoder, x: Any, progress: Callable[[int], None] | None = None
) -> Any:
    """Features whose inner products tell how alike examples are.

    Word counts are taken by their words and their topics (`word_features`), images by their
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
        return word_features(scipy.sparse.vstack(parts, format="csr"))
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


def word_features(counts: Any) -> Any:
    """Features of word counts whose inner products tell of shared words and a little of topics.

    A word's weight grows with its count, ever less, and less in long documents (BM25); it is
    less the more evenly the word is spread over the documents (its entropy). Topics are the
    first 64 singular vectors of the weighted counts (latent semantic analysis).

    Args:
        counts: Word counts as SciPy's CSR `[n, words]`.

    Returns:
        float32 CSR `[n, words + topics]`; rows have length 1, or 0 where no word tells anything.

    Reference:
        [Robertson & Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond,
        2009](https://doi.org/10.1561/1500000019); [Dumais, Improving the Retrieval of
        Information from External Sources, 1991](https://doi.org/10.3758/BF03203370), for the
        weights by entropy; [Deerwester et al., Indexing by Latent Semantic Analysis,
        1990](https://doi.org/10.1002/(SICI)1097-4571(199009)41:6%3C391::AID-ASI1%3E3.0.CO;2-9)

    Example:
    >>> word_features(scipy.sparse.csr_array(counts))
    """
    counts = scipy.sparse.csr_array(counts, dtype="float64", copy=True)
    counts.eliminate_zeros()
    documents, vocabulary = counts.shape
    lengths = counts.sum(1)
    share = counts.data / counts.sum(0)[counts.indices]
    entropy = np.bincount(counts.indices, -share * np.log(share), vocabulary)
    informative = 1 - entropy / np.log(max(documents, 2))
    norm = 1 - FLATTENING + FLATTENING * lengths / max(lengths.mean(), 1e-9)
    norm = np.repeat(norm, np.diff(counts.indptr))
    counts.data = informative[counts.indices] * counts.data / (counts.data + SATURATION * norm)
    words = sklearn.preprocessing.normalize(counts).astype("float32")
    topics = min(TOPICS, min(words.shape) - 1)
    if topics < 1:
        return words
    reduction = sklearn.decomposition.TruncatedSVD(topics, n_iter=4, random_state=0)
    topic = sklearn.preprocessing.normalize(reduction.fit_transform(words)).astype("float32")
    parts = [words * (1 - TOPIC_SHARE) ** 0.5, scipy.sparse.csr_array(topic * TOPIC_SHARE**0.5)]
    features = scipy.sparse.hstack(parts, format="csr", dtype="float32")
    return sklearn.preprocessing.normalize(features)
