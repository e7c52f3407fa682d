"""Hashing without a network: what benchmarks.retrieval compares with."""

import numpy as np
import sklearn.decomposition
import sklearn.feature_extraction.text
import sklearn.preprocessing

from zoo.neighbours import binary_rotation

LATENT = 128


def vectors(dataset):
    """Real vectors of queries and data base: pixels, or TF-IDF of length 1."""
    if dataset.kind != "counts":
        return tuple(
            x.reshape(len(x), -1).astype("float32") / 255 for x in (dataset.x_test, dataset.x_train)
        )
    weighting = sklearn.feature_extraction.text.TfidfTransformer().fit(dataset.x_train.matrix)
    # Dense, for distances of all pairs are wanted.
    return tuple(
        weighting.transform(x.matrix).toarray().astype("float32")
        for x in (dataset.x_test, dataset.x_train)
    )


def _method(random):
    def mark(function):
        function.random = random
        return function

    return mark


@_method(random=True)
def lsh(queries, database, bits, seed, texts):
    """Signs of random projections (Charikar 2002)."""
    directions = np.random.default_rng(seed).normal(size=(database.shape[1], bits))
    mean = 0 if texts else database.mean(0)
    return tuple((x - mean) @ directions.astype("float32") > 0 for x in (queries, database))


def _components(queries, database, dims, texts):
    """Principal coordinates; of texts latent semantic ones, of one length, centred."""
    kind = sklearn.decomposition.TruncatedSVD if texts else sklearn.decomposition.PCA
    reduction = kind(dims, random_state=0, **({} if texts else {"svd_solver": "randomized"}))
    database, queries = reduction.fit_transform(database), reduction.transform(queries)
    if texts:
        queries, database = map(sklearn.preprocessing.normalize, (queries, database))
    mean = database.mean(0)
    return queries - mean, database - mean


@_method(random=False)
def pca_sign(queries, database, bits, seed, texts):
    """Signs of principal components."""
    return tuple(x > 0 for x in _components(queries, database, bits, texts))


@_method(random=True)
def itq(queries, database, bits, seed, texts):
    """Iterative quantisation of principal components (Gong & Lazebnik 2011)."""
    queries, database = _components(queries, database, bits, texts)
    rotation = binary_rotation(database[:: -(-len(database) // 20_000)], bits, seed)
    return queries @ rotation > 0, database @ rotation > 0


@_method(random=False)
def spectral_hashing(queries, database, bits, seed, texts):
    """Sines of principal components, of the lowest frequencies (Weiss et al. 2008)."""
    queries, database = _components(queries, database, min(bits, LATENT), texts)
    low, high = database.min(0), database.max(0)
    span = high - low
    # Modes 1 .. bits of every component, those with the smallest frequencies of all.
    modes = np.arange(1, bits + 1)[:, None] / span
    chosen = np.unravel_index(np.argsort(modes, axis=None)[:bits], modes.shape)
    frequencies, components = (chosen[0] + 1) * np.pi / span[chosen[1]], chosen[1]

    def encode(x):
        phase = (x[:, components] - low[components]) * frequencies
        return np.sin(phase + np.pi / 2) > 0

    return encode(queries), encode(database)


METHODS = {"LSH": lsh, "PCA sign": pca_sign, "spectral hashing": spectral_hashing, "ITQ": itq}
