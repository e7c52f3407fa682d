"""`Page`: one self-contained HTML file of text, tables and figures, with the figures as PNG."""

from __future__ import annotations

import base64
import dataclasses
import io
import pathlib
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
import markupsafe
import matplotlib.figure

from zoo.files import replacing


@dataclasses.dataclass
class Page:
    """Collects sections and writes them.

    Args:
        title: The page's heading.
        subtitle: A sentence below it.

    Example:
    >>> page = Page("digits", "semantic-hash, 32 bits")
    >>> page.add("Errors", "Lower is better.", table={"reconstruction_error": 0.12})
    >>> page.write("runs/digits/report.html")
    """

    title: str
    subtitle: str = ""
    sections: list[dict[str, Any]] = dataclasses.field(default_factory=list)

    def add(
        self,
        heading: str,
        text: str = "",
        *,
        table: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        figure: matplotlib.figure.Figure | bytes | None = None,
        name: str = "",
    ) -> None:
        """Adds a section.

        Args:
            heading: Its heading.
            text: What is to be seen; the alternative text of the figure too.
            table: Names to values, of which lists are left out; or several such records, one
                a line.
            figure: A picture, drawn or as the bytes of a PNG file.
            name: File name of the picture, without ending.
        """
        self.sections.append(
            {
                "heading": heading,
                "text": text,
                **_table(table or {}),
                "name": name,
                "png": _png(figure),
            }
        )

    def write(self, path: str | pathlib.Path) -> pathlib.Path:
        """Writes the page and, beside it, its figures.

        Args:
            path: Where the page goes.

        Returns:
            The page's path.
        """
        path = pathlib.Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        for section in self.sections:
            if section["png"]:
                with replacing(path.with_name(f"{section['name']}.png")) as partial:
                    partial.write_bytes(section["png"])
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(pathlib.Path(__file__).parent), autoescape=True
        )
        environment.filters["breakable"] = _breakable
        sections = [
            {
                **section,
                "png": base64.b64encode(section["png"]).decode(),
                "width": _width(section["png"]),
            }
            for section in self.sections
        ]
        html = environment.get_template("page.html").render(
            title=self.title, subtitle=self.subtitle, sections=sections
        )
        with replacing(path) as partial:
            partial.write_text(html, encoding="utf-8")
        return path


def _table(table: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if isinstance(table, Mapping):
        rows = [[name, _show(v)] for name, v in table.items() if not isinstance(v, list)]
        return {"columns": [], "rows": rows, "words": []}
    rows = [[_show(value) for value in record.values()] for record in table]
    return {"columns": list(table[0]), "rows": rows, "words": _words(table)}


def _words(table: Sequence[Mapping[str, Any]]) -> list[int]:
    """Columns that hold no number at all, which are set flush left."""
    columns = zip(*(record.values() for record in table), strict=True)
    return [
        i for i, column in enumerate(columns) if all(isinstance(value, str) for value in column)
    ]


def _show(value: Any) -> str:
    if value is None:
        return "not set"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _breakable(name: str) -> markupsafe.Markup:
    """Lets a long name end its line after an underscore or a slash."""
    text = markupsafe.escape(name)
    for mark in ("_", "/"):
        text = text.replace(mark, markupsafe.Markup(f"{mark}<wbr>"))
    return text


def _width(png: bytes) -> int:
    """Pixels, as the header of the file says."""
    return int.from_bytes(png[16:20])


def _png(figure: matplotlib.figure.Figure | bytes | None) -> bytes:
    if figure is None or isinstance(figure, bytes):
        return figure or b""
    file = io.BytesIO()
    with warnings.catch_warnings():
        # Names in a script that the font lacks are drawn as boxes.
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        figure.savefig(file, format="png")
    return file.getvalue()
