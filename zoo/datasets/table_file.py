"""Data sets from `.csv` and `.parquet` tables."""

from __future__ import annotations

import csv
import pathlib
from typing import Any

import numpy as np
import pyarrow
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet

from zoo.datasets import labels
from zoo.datasets.dataset import Dataset
from zoo.datasets.reading import Reading
from zoo.datasets.split import hold_out
from zoo.datasets.table_column import read_column

# What may lie between columns; the first of those that make the most names does.
DELIMITERS = (",", ";", "\t", "|")
DECIMAL_COMMA = r"^\s*[-+]?\d+(,\d+)?\s*$"


def read(path: pathlib.Path, reading: Reading) -> Dataset:
    """Reads a table, whose columns become numbers and categories, or the texts of one column.

    Args:
        path: A `.csv` file with a line of names first, commas, semicolons, tabs or bars between
            columns; or a `.parquet` file.
        reading: May name the columns `label`, `text`, `categorical` and `drop`.

    Returns:
        Numbers alone as float32 `[n, columns]` with NaN for what is missing; with categories
        strings `[n, columns]`, in which it is empty; texts `[n]`.

    Raises:
        ValueError: If the file is damaged or empty, a named column is not there, or a column
            holds something else.
    """
    reading.allow(path, "label", "text", "categorical", "drop")
    try:
        table = _csv(path) if path.suffix == ".csv" else pyarrow.parquet.read_table(path)
    except (pyarrow.ArrowException, csv.Error, UnicodeDecodeError, OSError) as error:
        raise ValueError(f"{path} is damaged or not a {path.suffix} table: {error}") from error
    names = table.column_names
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise ValueError(f"{path} has several columns {min(repeated)!r}.")
    if not table.num_rows:
        raise ValueError(f"{path} has no rows.")
    for name in (reading.label, reading.text, *reading.categorical, *reading.drop):
        if name is not None and name not in names:
            raise ValueError(f"{path} has no column {name!r}. Columns: {', '.join(names)}")
    y: np.ndarray | None = None
    label_names: tuple[str, ...] = ()
    if reading.label is not None:
        values = table[reading.label].to_pylist()
        y, label_names = labels.to_integers(values, f"{path}: column {reading.label!r}")
    if reading.text is not None:
        return hold_out(
            path.stem, _texts(path, table, reading.text), y, None, label_names=label_names
        )
    kept = [n for n in names if n != reading.label and n not in reading.drop]
    if not kept:
        raise ValueError(f"{path} has no columns but those left out.")
    columns = []
    for name in kept:
        try:
            is_typed = path.suffix != ".csv"
            columns.append(read_column(table[name], is_typed, name in reading.categorical))
        except ValueError as error:
            raise ValueError(f"{path}: column {name!r} {error}") from error
    categorical = tuple(i for i, c in enumerate(columns) if c.dtype.kind == "O")
    if categorical:
        columns = [c if c.dtype.kind == "O" else _as_strings(c) for c in columns]
    x = np.stack(columns, axis=1)
    return hold_out(
        path.stem,
        x if categorical else x.astype("float32"),
        y,
        None,
        label_names=label_names,
        columns=tuple(kept),
        categorical=categorical,
    )


def _csv(path: pathlib.Path) -> pyarrow.Table:
    with path.open(newline="", encoding="utf-8-sig") as file:
        line = file.readline()
        delimiter = max(DELIMITERS, key=lambda d: len(next(csv.reader([line], delimiter=d), [])))
        file.seek(0)
        names = next(csv.reader(file, delimiter=delimiter), [])
    # As strings, for Arrow guesses types by the first rows alone.
    types = {name: pyarrow.string() for name in names}
    table = pyarrow.csv.read_csv(
        path,
        parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(column_types=types, strings_can_be_null=True),
    )
    if delimiter == ",":
        return table
    columns = [_with_decimal_points(column) for column in table.columns]
    return pyarrow.table(columns, table.column_names)


def _with_decimal_points(values: pyarrow.ChunkedArray) -> pyarrow.ChunkedArray:
    # Where commas are no delimiters, 1,5 may be a number.
    is_number = pyarrow.compute.match_substring_regex(values, DECIMAL_COMMA)
    if not pyarrow.compute.all(is_number).as_py():
        return values
    return pyarrow.compute.replace_substring(values, ",", ".")


def _texts(path: pathlib.Path, table: pyarrow.Table, name: str) -> np.ndarray:
    texts = np.empty(table.num_rows, object)
    for row, value in enumerate(table[name].to_pylist()):
        if not isinstance(value, str) or not value.strip():
            raise ValueError(f"{path}: column {name!r} has no text in row {row}: {value!r}")
        texts[row] = value
    return texts


def _as_strings(numbers: Any) -> np.ndarray:
    # 3 and not 3.0, for people who read the rows, and nothing for what is missing.
    shown = ["" if x != x else repr(x).removesuffix(".0") for x in numbers.tolist()]
    return np.array(shown, object)
