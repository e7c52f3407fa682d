"""Finds a data set by name or by path."""

from __future__ import annotations

import difflib
import pathlib

from zoo.datasets import files, named
from zoo.datasets.dataset import Dataset


def load(source: str | pathlib.Path, data_dir: str | pathlib.Path | None = None) -> Dataset:
    """Loads a data set.

    Args:
        source: A name (`digits`, which comes with scikit-learn; `mnist`, `fashion_mnist`,
            `cifar10`, which Keras downloads) or the path of an `.npz` or `.npy` file.
        data_dir: A folder where `NAME.npz` is looked for before anything is downloaded.

    Returns:
        The data set.

    Raises:
        FileNotFoundError: If it is in none of the places; the message names them.
        ValueError: If a file can't be read or holds something else.

    Example:
    >>> load("digits").x_train.shape
    (1437, 8, 8, 1)
    """
    path = pathlib.Path(source)
    if path.suffix in files.READERS or path.exists():
        return files.read(path)
    name = str(source)
    looked_for = []
    if data_dir is not None:
        file = pathlib.Path(data_dir) / f"{name}.npz"
        if file.exists():
            return files.read(file)
        looked_for.append(str(file))
    if name in named.LOADERS:
        return named.load(name, looked_for)
    nearest = difflib.get_close_matches(name, named.LOADERS, n=1)
    hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
    looked_for = [f"a file {path}", *looked_for, f"the names {', '.join(sorted(named.LOADERS))}"]
    raise FileNotFoundError(
        f"There is no data set {name!r}.{hint} Looked for: {'; '.join(looked_for)}. Give the path "
        f"of an .npz or .npy file, or --data-dir with a folder that holds {name}.npz."
    )
