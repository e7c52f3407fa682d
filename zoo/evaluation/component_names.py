"""What the components of a preprocessed row are called."""

from __future__ import annotations

from zoo.autoencoder import Autoencoder
from zoo.datasets import Dataset
from zoo.layers import TableEncoding


def component_names(model: Autoencoder, dataset: Dataset) -> list[str]:
    """Names of a table's columns, or of column and category, in the order of the model's target.

    Args:
        model: The model.
        dataset: Its data.

    Returns:
        One name for each component; none if the data set is no table.

    Example:
    >>> component_names(ae, zoo.datasets.load("people.csv"))
    ['age', 'education = master', 'education = school']
    """
    if dataset.kind != "table":
        return []
    columns = dataset.columns or [f"column {i}" for i in range(dataset.x_test.shape[1])]
    encodings = [x for x in model.preprocessor.layers if isinstance(x, TableEncoding)]
    if not encodings:
        return list(columns)
    numbers, categories = [], []
    for name, column in zip(columns, encodings[0].columns or [], strict=True):
        if "categories" in column:
            categories += [f"{name} = {category}" for category in column["categories"]]
        else:
            numbers.append(name)
    return numbers + categories
