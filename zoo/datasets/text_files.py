"""Data sets from text files: a document a line, or a document a file."""

from __future__ import annotations

import pathlib

import numpy as np

from zoo.datasets.dataset import Dataset
from zoo.datasets.folder import list_files, read_all
from zoo.datasets.reading import Reading
from zoo.datasets.split import hold_out


def read_lines(path: pathlib.Path, reading: Reading) -> Dataset:
    """Reads a `.txt` file, each line that is not blank a document.

    Raises:
        ValueError: If it is empty or not UTF-8.
    """
    reading.allow(path)
    lines = [line for line in _text(path).splitlines() if line.strip()]
    if not lines:
        raise ValueError(f"{path} is empty: it must hold a document a line.")
    return hold_out(path.stem, np.array(lines, object))


def read_folder(folder: pathlib.Path, reading: Reading) -> Dataset:
    """Reads a folder of `.txt` files, see `zoo.datasets.folder.list_files`.

    Raises:
        ValueError: If a file is empty or not UTF-8.
    """
    reading.allow(folder)
    listing = list_files(folder, (".txt",))
    texts = np.empty(len(listing.files), object)
    for i, text in enumerate(read_all(listing.files, _text)):
        if not text.strip():
            raise ValueError(f"{listing.files[i]} is empty: a file must hold a document.")
        texts[i] = text
    names = {"label_names": listing.names}
    return hold_out(folder.name, texts, listing.labels, listing.rows, **names)


def _text(path: pathlib.Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not UTF-8 text: byte {error.start} is {error.object[error.start]:#04x}"
        ) from error
