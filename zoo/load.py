"""Loading a saved autoencoder from a `.keras` file or a run folder."""

from __future__ import annotations

import pathlib
import zipfile
import zlib

import keras

from zoo.autoencoder import Autoencoder

MODEL_FILE = "model.keras"


def load(path: str | pathlib.Path) -> Autoencoder:
    """Loads an autoencoder.

    Args:
        path: A `.keras` file, or a folder written by `python -m zoo fit`.

    Returns:
        The model, compiled as it was saved.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a saved autoencoder.

    Example:
    >>> ae = load("runs/digits")
    >>> codes = ae.encoder.predict(images)
    """
    path = pathlib.Path(path)
    file = path / MODEL_FILE if path.is_dir() else path
    if not file.is_file():
        raise FileNotFoundError(
            f"There is no model at {path}: expected a .keras file or a folder with {MODEL_FILE}."
        )
    model = load_keras(file)
    if not isinstance(model, Autoencoder):
        raise ValueError(
            f"{file} holds a {type(model).__name__}, not a zoo.Autoencoder; an encoder of your own "
            "is published by `export.publish_encoder`."
        )
    return model


def load_keras(file: pathlib.Path) -> keras.Model:
    """Loads any Keras model from a `.keras` file that is there.

    Raises:
        ValueError: If the file is something else or damaged.
    """
    wrong = f"{file} is not a saved Keras model, or it is damaged"
    if not zipfile.is_zipfile(file):
        raise ValueError(f"{wrong}.")
    try:
        return keras.saving.load_model(file)
    except (zipfile.BadZipFile, zlib.error, KeyError, EOFError, OSError, ValueError) as error:
        raise ValueError(f"{wrong}: {error}") from error
