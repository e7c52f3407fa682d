"""Results for people (tables) and for machines (`--json`)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click
import rich.console
import rich.table

PIPE_WIDTH = 240

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


def print_result(result: Mapping[str, Any], as_json: bool, title: str | None = None) -> None:
    """Prints one record: a JSON object, or a table of two columns.

    Args:
        result: Names to values that `json` can write.
        as_json: Whether the reader is a machine.
        title: Heading of the table.
    """
    if as_json:
        click.echo(json.dumps(result, indent=2))
    else:
        print_table([(name, value) for name, value in result.items()], ("", ""), title)


def print_table(
    rows: Iterable[Sequence[Any]], columns: Sequence[str], title: str | None = None
) -> None:
    """Prints rows under column names; floats with four significant digits.

    Args:
        rows: The cells, one sequence a row.
        columns: One heading a column; no heading line when all are empty.
        title: Heading of the table.
    """
    table = rich.table.Table(box=None, show_header=any(columns), pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    out = rich.console.Console()
    if not out.is_terminal:  # a file or a pipe has no width to keep to
        out = rich.console.Console(width=PIPE_WIDTH)
    if title:  # not the table's own, which is broken where the table is narrower
        out.print(title, markup=False, highlight=False, soft_wrap=True)
    out.print(table, markup=False)


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
