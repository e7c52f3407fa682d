"""Data sets from folders of images."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

import numpy as np
import PIL.Image
import PIL.ImageOps

from zoo.datasets.dataset import Dataset
from zoo.datasets.folder import list_files, read_all
from zoo.datasets.reading import Reading
from zoo.datasets.split import hold_out

SUFFIXES = (".png", ".jpg", ".jpeg")
GREY = ("1", "L", "LA", "I;16", "I", "F")


def read(folder: pathlib.Path, reading: Reading) -> Dataset:
    """Reads PNG and JPEG files as bytes, grey if all of them are, else RGB.

    Args:
        folder: The folder, see `zoo.datasets.folder.list_files`.
        reading: May give an `image_size`; without it all images must have one size.

    Returns:
        The data set.

    Raises:
        ValueError: If a file is no image, or sizes differ.
    """
    reading.allow(folder, "image_size")
    size = reading.image_size
    if size is not None and (len(size) != 2 or min(size) < 1):
        raise ValueError(
            f"`image_size` must be height and width, at least 1. Received: image_size={size}"
        )
    listing = list_files(folder, SUFFIXES)
    images: list[np.ndarray] = []
    for file, image in zip(
        listing.files, read_all(listing.files, lambda file: _image(file, size)), strict=True
    ):
        if images and image.shape[:2] != images[0].shape[:2]:
            (height, width), (first, second) = image.shape[:2], images[0].shape[:2]
            raise ValueError(
                f"{file} is {height}x{width}, images before it {first}x{second}: choose one size "
                f"for all, image_size={first}x{second} say."
            )
        images.append(image)
    if any(image.shape[-1] == 3 for image in images):
        images = [np.broadcast_to(image, (*image.shape[:2], 3)) for image in images]
    names = {"label_names": listing.names}
    return hold_out(folder.name, np.stack(images), listing.labels, listing.rows, **names)


def _image(file: pathlib.Path, size: Sequence[int] | None) -> np.ndarray:
    try:
        with PIL.Image.open(file) as opened:
            image = PIL.ImageOps.exif_transpose(opened)
            if image.mode in ("I;16", "I", "F"):  # Pillow would clip 16 bits to 255
                raise ValueError(f"has pixels of more than 8 bits (mode {image.mode})")
            image = image.convert("L" if image.mode in GREY else "RGB")
    except (OSError, ValueError, SyntaxError, PIL.Image.DecompressionBombError) as error:
        raise ValueError(f"{file} cannot be read as an image: {error}") from error
    if size is not None and image.size != (size[1], size[0]):
        image = image.resize((size[1], size[0]), PIL.Image.Resampling.BILINEAR)
    pixels = np.asarray(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels
