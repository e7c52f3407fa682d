"""Data sets by name or by path, as arrays split into training and test rows."""

from zoo.datasets.batches import shuffled_batches
from zoo.datasets.dataset import Dataset
from zoo.datasets.load import load
from zoo.datasets.preprocessing import preprocessing_for

__all__ = ["Dataset", "load", "preprocessing_for", "shuffled_batches"]
