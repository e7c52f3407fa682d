"""The data sets of benchmarks.retrieval, and who searches whom in them."""

import dataclasses
import pathlib
from collections.abc import Sequence

import numpy as np

import zoo.datasets


@dataclasses.dataclass(frozen=True)
class Protocol:
    """Which rows search which; names of index arrays, or none for the archive's own parts."""

    file: str
    bits: Sequence[int]
    train: str = ""
    test: str = ""


PROTOCOLS = {
    "mnist": Protocol("mnist.npz", (16, 32, 64)),
    "fashion_mnist": Protocol("fashion_mnist.npz", (16, 32, 64)),
    "ng20_stripped_10k": Protocol(
        "ng20_stripped_10k.npz", (16, 32, 64, 128), "hash_train", "hash_test"
    ),
    "ng20_bydate_2000stem": Protocol(
        "ng20_bydate_2000stem.npz", (16, 32, 64), "bydate_train", "bydate_test"
    ),
    "reuters21578_r90": Protocol(
        "reuters21578_r90.npz", (16, 32, 64), "modapte_train", "hash_test"
    ),
}
# Test images of each class that search, the first ones.
QUERIES_OF_A_CLASS = 100


def read(name, data_dir):
    """The data set: `x_train` is the data base, `x_test` the queries."""
    protocol = PROTOCOLS[name]
    archive = np.load(pathlib.Path(data_dir) / protocol.file, allow_pickle=False)
    if not protocol.train:
        labels = archive["y_test"]
        chosen = [np.flatnonzero(labels == label) for label in np.unique(labels)]
        queries = np.concatenate([rows[:QUERIES_OF_A_CLASS] for rows in chosen])
        return zoo.datasets.Dataset(
            name,
            archive["x_train"][..., None],
            archive["x_test"][queries][..., None],
            archive["y_train"],
            labels[queries],
        )
    counts = zoo.datasets.SparseRows.from_arrays(archive)
    train, test = archive[protocol.train], archive[protocol.test]
    labels = archive["labels"]
    return zoo.datasets.Dataset(
        name, counts.take(train), counts.take(test), labels[train], labels[test]
    )
