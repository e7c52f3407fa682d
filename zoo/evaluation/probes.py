"""Simple classifiers that show what a representation makes easy."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import scipy.sparse
import sklearn.exceptions
import sklearn.linear_model

from zoo.evaluation.retrieval import nearest
from zoo.evaluation.threads import one_thread

MAX_ITERATIONS = 200
BLOCK = 1000
# Features with a smaller share of values that are not zero are kept as the others alone.
SPARSE = 0.1


class LinearProbe:
    """Logistic regression on features brought to mean 0 and overall variance 1.

    One scale for all components, so that components which hardly vary stay small. Nothing is
    chosen by looking at labels of other rows: the penalty is scikit-learn's default, and the
    optimiser stops after 200 iterations at the latest.

    Args:
        features: Training rows `[n, size]`; NaN counts as the component's mean.
        labels: `[n]`, at least two different ones.

    Example:
    >>> LinearProbe(train_codes, y_train).accuracy(test_codes, y_test)
    """

    def __init__(self, features: np.ndarray, labels: np.ndarray):
        observed = np.isfinite(features)
        count = np.maximum(observed.sum(0), 1)
        self.mean = np.where(observed, features, 0).sum(0, dtype="float64") / count
        self.scale = 1.0
        # The intercept is free, so without centring the classifier is the same.
        self.is_sparse = False
        self.scale = float(self._scaled(features).std()) or 1.0
        used = np.count_nonzero(features) / features.size
        self.is_sparse = bool(observed.all() and used < SPARSE)
        self.model = sklearn.linear_model.LogisticRegression(max_iter=MAX_ITERATIONS)
        with warnings.catch_warnings(), one_thread():
            warnings.simplefilter("ignore", sklearn.exceptions.ConvergenceWarning)
            self.model.fit(self._scaled(features), labels)

    def accuracy(self, features: np.ndarray, labels: np.ndarray) -> float:
        """The share of rows whose label it tells right."""
        return float((self.model.predict(self._scaled(features)) == labels).mean())

    def _scaled(self, features: np.ndarray) -> Any:
        if self.is_sparse:
            return scipy.sparse.csr_array(features) / self.scale
        scaled = np.empty(features.shape, "float32")
        for i in range(0, len(features), BLOCK):  # for bags of words are wide, and this is float64
            centred = (features[i : i + BLOCK] - self.mean) / self.scale
            scaled[i : i + BLOCK] = np.where(np.isfinite(centred), centred, 0)
        return scaled


def nearest_neighbour_votes(distances: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    """The labels that most of the k nearest entries have.

    Entries at the distance of the k-th vote with the share of a place that falls to them, so
    the order of the database does not matter; of labels with equal votes the smallest wins.

    Args:
        distances: `[q, n]`.
        labels: Of the database `[n]`.
        k: Number of voters, at most n.

    Returns:
        Labels `[q]`.

    Raises:
        ValueError: If k is not in 1 to n.

    Example:
    >>> nearest_neighbour_votes(np.array([[0, 1, 1]]), np.array([2, 5, 5]), k=3)
    array([5])
    """
    nearer, tied, share = nearest(distances, k)
    names, member = np.unique(labels, return_inverse=True)
    votes = np.zeros(len(distances) * len(names))
    for voters, weight in ((nearer, np.ones(len(distances))), (tied, share)):
        query, entry = np.nonzero(voters)
        ballots = query * len(names) + member[entry]
        votes += np.bincount(ballots, weight[query], minlength=len(votes))
    # Rounded, for a third of a place three times is one place.
    return names[votes.reshape(len(distances), -1).round(6).argmax(1)]
