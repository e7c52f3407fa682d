"""Finds a data set by name or by path."""

from __future__ import annotations

import difflib
import pathlib
from collections.abc import Mapping
from typing import Any

from zoo.datasets import files, named
from zoo.datasets.dataset import Dataset
from zoo.datasets.reading import Reading


def load(
    source: str | pathlib.Path, data_dir: str | pathlib.Path | None = None, **reading: Any
) -> Dataset:
    """Loads a data set.

    All of it is held in memory.

    Args:
        source: A name (`digits`, which comes with scikit-learn; `mnist`, `fashion_mnist`,
            `cifar10`, `reuters`, which Keras downloads; `ng20_text`, which scikit-learn does), or
            the path of an `.npz`, `.npy`, `.csv`, `.parquet` or `.txt` file or of a folder of
            images or of `.txt` files.
        data_dir: A folder where `NAME.npz` is looked for before anything is downloaded.
        **reading: `label`, `text`, `categorical`, `drop`, `image_size`, `split`, see `Reading`.

    Returns:
        The data set.

    Raises:
        FileNotFoundError: If it is in none of the places; the message names them.
        ValueError: If a file can't be read or holds something else.

    Example:
    >>> load("digits").x_train.shape
    (1437, 8, 8, 1)
    >>> load("iris.csv", label="species").columns
    """
    how = Reading(**reading)
    path = pathlib.Path(source)
    if path.suffix in files.READERS or path.exists():
        return files.read(path, how)
    name = str(source)
    looked_for = []
    if data_dir is not None:
        file = pathlib.Path(data_dir) / f"{named.FILES.get(name, name)}.npz"
        if file.exists():
            return files.read(file, how)
        looked_for.append(str(file))
    if name in named.LOADERS:
        how.allow(path)
        return named.load(name, looked_for)
    nearest = difflib.get_close_matches(name, named.LOADERS, n=1)
    hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
    looked_for = [f"a file {path}", *looked_for, f"the names {', '.join(sorted(named.LOADERS))}"]
    raise FileNotFoundError(
        f"There is no data set {name!r}.{hint} Looked for: {'; '.join(looked_for)}. Give the path "
        f"of a file ({', '.join(files.READERS)}) or folder, or --data-dir with a folder that "
        f"holds {name}.npz."
    )


def load_for(config: Mapping[str, Any], data_dir: str | pathlib.Path | None = None) -> Dataset:
    """Loads the data set of a run.

    Args:
        config: With `data`, `data_dir` and, where a file leaves something to say, `reading`.
        data_dir: A folder to look in instead of the configuration's.

    Returns:
        The data set, see `load`.
    """
    return load(config["data"], data_dir or config["data_dir"], **config.get("reading", {}))
