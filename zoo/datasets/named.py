"""Data sets that scikit-learn brings or Keras downloads."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import sklearn.datasets

from zoo.datasets.dataset import Dataset
from zoo.datasets.files import with_channels


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
        if "URL fetch failure" not in str(error):
            raise
        before = "".join(f"{place}; " for place in looked_for)
        raise FileNotFoundError(
            f"The data set {name!r} could not be found. Looked for: {before}Keras's cache; "
            f"a download ({error}). Put {name}.npz with x_train, y_train, x_test and y_test "
            "into a folder and name it with --data-dir, or give the file's path."
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


LOADERS: dict[str, Callable[[str], Dataset]] = {
    "digits": _digits,
    "mnist": _keras,
    "fashion_mnist": _keras,
    "cifar10": _keras,
}
