"""`ResultPage`: one self-contained HTML file of query images beside their neighbours' images."""

from __future__ import annotations

import base64
import io
import math
import os
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import PIL.Image

from serving.index import Step

LIMIT = 100  # queries on the page, and neighbours of each
LARGEST = 192  # pixels of a thumbnail's longer side


class ResultPage:
    """Pictures of queries and of the entries they found.

    Args:
        queries: Images [n, height, width] or [n, height, width, 1, 3 or 4], rows [n, size] that
            have the size of the entries' images, or encoded image files.
        images: Those of the entries, that of id i in place i.
        source: Where `images` are from, for errors.

    Raises:
        ValueError: The rows are no images.

    Example:
        >>> page = ResultPage(queries, x_train, "fashion.npz")
        >>> page.write("found.html", "fashion", "the 10 nearest of 60,000", rows_of(found), [])
    """

    def __init__(self, queries: Any, images: Any, source: str):
        self._source = source
        self._images = _Pictures(images, source)
        self._queries = _Pictures(queries, "QUERIES", self._images)

    def write(
        self,
        path: str | os.PathLike[str],
        title: str,
        subtitle: str,
        rows: list[dict[str, list[Any]]],
        steps: list[list[Step]],
    ) -> None:
        """Writes the page, whole or not at all.

        Args:
            path: Where; replaced if it is there.
            title: Its heading.
            subtitle: What was searched for.
            rows: What each query found: `ids` and `distances`; `hamming` where the distances are
                others; perhaps `payloads`.
            steps: How each query was answered; empty if that is not to be shown.

        Raises:
            ValueError: An entry has no image.
        """
        results = [
            {
                "number": number,
                "picture": self._queries.source_of(number),
                "found": self._found(row),
                "count": len(row["ids"]),
                "steps": steps[number] if steps else [],
            }
            for number, row in enumerate(rows[:LIMIT])
        ]
        template = jinja2.Environment(
            loader=jinja2.FileSystemLoader(Path(__file__).parent),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
        ).get_template("page.html")
        html = template.render(title=title, subtitle=subtitle, results=results, queries=len(rows))
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
        try:
            partial.write_text(html, encoding="utf-8")
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)

    def _found(self, row: dict[str, list[Any]]) -> list[dict[str, Any]]:
        last = max(row["ids"][:LIMIT], default=-1)
        if last >= len(self._images):
            raise ValueError(
                f"{self._source} holds {len(self._images)} images and none of id {last}; the image"
                " of id i must be in place i"
            )
        return [
            {
                "id": number,
                "bits": row.get("hamming", row["distances"])[place],
                "payload": row["payloads"][place] if "payloads" in row else None,
                "picture": self._images.source_of(number),
            }
            for place, number in enumerate(row["ids"][:LIMIT])
        ]


class _Pictures:
    """Rows that can be shown, each as the source of an HTML `img`."""

    def __init__(self, rows: Any, name: str, like: _Pictures | None = None):
        self._name = name
        self._rows = rows
        self.shape: tuple[int, ...] = ()  # of encoded files it is not known
        self._dtype: np.dtype | None = None
        self._range = (0.0, 255.0)
        if isinstance(rows, list):
            if not all(isinstance(row, bytes) for row in rows):
                raise ValueError(f"{name}: received lines of text; a page shows images")
            return
        if rows.ndim == 2 and like and like.shape and rows.shape[1] == math.prod(like.shape):
            self._rows = rows = rows.reshape(-1, *like.shape)
        channels = rows.shape[3:]
        if rows.ndim not in (3, 4) or channels not in ((), (1,), (3,), (4,)):
            raise ValueError(
                f"{name}: received rows of shape {list(rows.shape)}; images must be"
                " [n, height, width] or [n, height, width, 1, 3 or 4]"
            )
        if rows.dtype.kind not in "biuf":
            raise ValueError(f"{name}: received {rows.dtype} values; pixels must be numbers")
        self.shape = rows.shape[1:]
        self._dtype = rows.dtype
        # Queries are shown as the entries are, not each file by its own black and white.
        self._range = like._range if like and like._dtype == rows.dtype else _range(rows)

    def __len__(self) -> int:
        return len(self._rows)

    def source_of(self, place: int) -> str:
        """A thumbnail as a `data:` address."""
        try:
            picture = self._open(self._rows[place])
        except OSError:  # Pillow's word for a file that is no image
            raise ValueError(f"{self._name}: the image in place {place} can't be read") from None
        picture.thumbnail((LARGEST, LARGEST))
        file = io.BytesIO()
        picture.save(file, format="png")
        return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()

    def _open(self, row: Any) -> PIL.Image.Image:
        if isinstance(row, bytes):
            return PIL.Image.open(io.BytesIO(row)).convert("RGBA")
        low, high = self._range
        pixels = np.nan_to_num((row.astype(np.float64) - low) / (high - low) * 255)
        pixels = np.clip(pixels.round(), 0, 255).astype(np.uint8)
        return PIL.Image.fromarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels)


def _range(images: np.ndarray) -> tuple[float, float]:
    """What is black and what is white: a usual range of pixels, else what is there."""
    finite = images[np.isfinite(images)] if images.dtype.kind == "f" else images
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if low >= 0:
        return 0.0, 1.0 if high <= 1 else 255.0 if 127 < high <= 255 else high
    return (-1.0, 1.0) if low >= -1 and high <= 1 else (low, max(high, low + 1e-12))
