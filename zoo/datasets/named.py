"""Data sets that scikit-learn brings, or that it or Keras downloads."""

from __future__ import annotations

import urllib.error
from collections.abc import Callable, Sequence

import keras
import numpy as np
import scipy.sparse
import sklearn.datasets

from zoo.datasets.array_file import with_channels
from zoo.datasets.dataset import Dataset
from zoo.datasets.sparse import SparseRows

REUTERS_WORDS = 10_000
# Keras's Reuters numbers words from 1, moved on by 3 for marks of its own.
FIRST_WORD = 4


def load(name: str, looked_for: list[str]) -> Dataset:
    """Loads one of `LOADERS`.

    Args:
        name: Its key.
        looked_for: Where it was looked for before, for the message.

    Raises:
        FileNotFoundError: If the download fails.
    """
    try:
        return LOADERS[name](name)
    except Exception as error:  # Keras raises a bare Exception where a download fails.
        failed = isinstance(error, urllib.error.URLError | TimeoutError | ConnectionError)
        if not failed and "URL fetch failure" not in str(error):
            raise
        before = "".join(f"{place}; " for place in looked_for)
        raise FileNotFoundError(
            f"The data set {name!r} could not be found. Looked for: {before}the cache of "
            f"downloads; a download ({error}). Put {FILES.get(name, name)}.npz, with the arrays "
            "that docs/datasets.md names, into a folder and name it with --data-dir, or give the "
            "file's path."
        ) from error


def _digits(name: str) -> Dataset:
    # 0 to 16 in steps of 1, here as bytes so that all named images mean the same by a value;
    # the last 360 rows are of other writers than most of the first.
    bunch = sklearn.datasets.load_digits()
    pixels = np.round(bunch.images * (255 / 16)).astype("uint8")[..., None]
    labels = bunch.target
    return Dataset(name, pixels[:-360], pixels[-360:], labels[:-360], labels[-360:])


def _keras(name: str) -> Dataset:
    (x, y), (x_test, y_test) = getattr(keras.datasets, name).load_data()
    return Dataset(name, with_channels(x), with_channels(x_test), np.ravel(y), np.ravel(y_test))


def _newsgroups(name: str) -> Dataset:
    train, test = (
        sklearn.datasets.fetch_20newsgroups(subset=part, shuffle=False)
        for part in ("train", "test")
    )
    x, x_test = (np.array(bunch.data, object) for bunch in (train, test))
    return Dataset(name, x, x_test, train.target, test.target, tuple(train.target_names))


def _reuters(name: str) -> Dataset:
    (x, y), (x_test, y_test) = keras.datasets.reuters.load_data(
        num_words=REUTERS_WORDS + FIRST_WORD
    )
    words = {i: word for word, i in keras.datasets.reuters.get_word_index().items()}
    return Dataset(
        name,
        count_words(x, FIRST_WORD, REUTERS_WORDS),
        count_words(x_test, FIRST_WORD, REUTERS_WORDS),
        y,
        y_test,
        columns=tuple(words[1 + i] for i in range(REUTERS_WORDS)),
    )


def count_words(sequences: Sequence[Sequence[int]], first: int, words: int) -> SparseRows:
    """Counts words in sequences of their numbers.

    Args:
        sequences: Numbers of words, one sequence a document.
        first: Number of the first word; lower ones are no words.
        words: How many words there are.

    Returns:
        Counts `[documents, words]`.
    """
    lengths = np.array([len(sequence) for sequence in sequences])
    row = np.repeat(np.arange(len(sequences)), lengths)
    word = np.concatenate([np.asarray(s, "int64") for s in sequences]) - first
    known = (word >= 0) & (word < words)
    ones = np.ones(int(known.sum()), "float32")
    shape = (len(sequences), words)
    return SparseRows(scipy.sparse.coo_array((ones, (row[known], word[known])), shape))


LOADERS: dict[str, Callable[[str], Dataset]] = {
    "digits": _digits,
    "mnist": _keras,
    "fashion_mnist": _keras,
    "cifar10": _keras,
    "ng20_text": _newsgroups,
    "reuters": _reuters,
}
# Names whose file in a data folder is called otherwise.
FILES = {"reuters": "reuters21578_r90"}
