"""Arrays that command lines are given in files."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def read_array(option: str, file: Path) -> Any:
    """Reads the .npy file given to an option.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it holds no array.
    """
    import numpy as np

    if not file.is_file():
        raise FileNotFoundError(f"--{option}: no file at {file}; expected a .npy file")
    try:
        return np.load(file, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"--{option}: {file} is not a .npy array: {error}") from error
