"""Data sets from files and folders: finds the reader."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

from zoo.datasets import array_file, image_folder, table_file, text_files
from zoo.datasets.dataset import Dataset
from zoo.datasets.reading import Reading

READERS: dict[str, Callable[[pathlib.Path, Reading], Dataset]] = {
    ".npz": array_file.read,
    ".npy": array_file.read,
    ".csv": table_file.read,
    ".parquet": table_file.read,
    ".txt": text_files.read_lines,
}


def read(path: pathlib.Path, reading: Reading | None = None) -> Dataset:
    """Reads a data set from a file, or from a folder of images or of `.txt` files.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it can't be read or holds something else; see the readers.
    """
    reading = reading or Reading()
    if path.is_dir():
        return _read_folder(path, reading)
    if not path.is_file():
        raise FileNotFoundError(f"There is no data file {path}.")
    if path.suffix not in READERS:
        raise ValueError(
            f"{path}: files that can be read are {', '.join(READERS)}. Received: {path.suffix!r}"
        )
    return READERS[path.suffix](path, reading)


def _read_folder(folder: pathlib.Path, reading: Reading) -> Dataset:
    suffixes = {file.suffix.lower() for file in folder.rglob("*")}
    has_images = bool(suffixes & set(image_folder.SUFFIXES))
    if has_images == (".txt" in suffixes):
        what = "both images and" if has_images else "neither images nor"
        raise ValueError(
            f"{folder} holds {what} .txt files: a folder is read as images, "
            f"{', '.join(image_folder.SUFFIXES)}, or as .txt files."
        )
    return (image_folder.read if has_images else text_files.read_folder)(folder, reading)
