"""Data sets by name or by path, as arrays split into training and test rows."""

from zoo.datasets.batches import shuffled_batches
from zoo.datasets.dataset import Dataset
from zoo.datasets.load import load, load_for
from zoo.datasets.preprocessing import preprocessing_for
from zoo.datasets.sparse import SparseRows

__all__ = ["Dataset", "SparseRows", "load", "load_for", "preprocessing_for", "shuffled_batches"]
