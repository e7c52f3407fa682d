"""Words that a decoder expects, beside those that are there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo.autoencoder import Autoencoder
from zoo.datasets import Dataset

SHOWN = 12


def expected_words(
    model: Autoencoder,
    dataset: Dataset,
    targets: np.ndarray,
    reconstructions: np.ndarray,
    titles: Sequence[str],
) -> list[dict[str, str]]:
    """What bags of words and their reconstructions say most.

    Args:
        model: A model of texts or word counts.
        dataset: Its data.
        targets: Bags of words `[n, words]`.
        reconstructions: Probabilities of words `[n, words]`.
        titles: What the rows are called.

    Returns:
        For each row the words with the largest counts, and those with the largest probabilities.
    """
    names = np.array([str(i) for i in range(targets.shape[1])], object)
    found = [layer for layer in model.preprocessor.layers if layer.name == "bag_of_words"]
    known = found[0].get_vocabulary() if found else dataset.columns
    names[: len(known)] = known
    return [
        {"row": title, "words": _top(names, target), "expected": _top(names, reconstruction)}
        for title, target, reconstruction in zip(titles, targets, reconstructions, strict=True)
    ]


def _top(names: np.ndarray, weights: np.ndarray) -> str:
    order = np.argsort(-weights, kind="stable")[:SHOWN]
    return ", ".join(str(names[i]) for i in order if weights[i] > 0)
