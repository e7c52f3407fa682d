"""`python -m serving`: a model server, its client, and the index, from the shell."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.progress import Progress

from console import Group, json_option, print_result, print_table
from serving.client import Client
from serving.errors import ServingError
from serving.index import HashIndex, HashIndexError, Step
from serving.index_cli import index
from serving.inputs import read_ids, read_rows
from serving.options import model_options
from serving.replay_cli import replay_command
from serving.search import Search, hamming, rows_of
from serving.up import up
from serving.where import parse_where


@click.group(
    cls=Group,
    errors=(ServingError, HashIndexError),
    epilog="""\b
A tour:
  python -m serving up models --port 8500 &
  python -m serving status fashion
  python -m serving hash fashion images.npz --out codes.npy
  python -m serving index build codes.index codes.npy
  python -m serving search fashion codes.index queries.npz -k 5
""",
)
def main() -> None:
    """Serves models over TF Serving's gRPC API, asks them, and searches their codes."""


main.add_command(up)
main.add_command(index)
main.add_command(replay_command)


@main.command(epilog="\b\nExample:\n  python -m serving status fashion --server localhost:8500")
@model_options
@json_option
def status(client: Client, as_json: bool) -> None:
    """Prints the versions of MODEL and its signatures."""
    with client:
        versions = client.status()
        signatures = client.metadata() if any(v.state == "AVAILABLE" for v in versions) else {}
    if as_json:
        record = {
            "model": client.address.model,
            "versions": [version._asdict() for version in versions],
            "signatures": {
                name: {
                    side: {spec.name: str(spec) for spec in specs.values()}
                    for side, specs in (("inputs", one.inputs), ("outputs", one.outputs))
                }
                for name, one in signatures.items()
            },
        }
        click.echo(json.dumps(record, indent=2))
        return
    print_table(versions, ("version", "state", "error"))
    rows = [
        (name, _listed(one.inputs.values()), _listed(one.outputs.values()))
        for name, one in signatures.items()
    ]
    print_table(rows, ("signature", "inputs", "outputs"))


def _listed(specs: Any) -> str:
    return "; ".join(f"{spec.name} {spec}" for spec in specs)


@contextlib.contextmanager
def _progress(client: Client, text: str, total: int) -> Iterator[None]:
    """Shows on a terminal how many rows the model has answered."""
    screen = Console(stderr=True)
    with Progress(console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task(text, total=total)
        client.progress = lambda done: bar.advance(task, done)
        yield


def _check_out(context: click.Context, option: click.Parameter, out: str) -> str:
    """Refuses, before any row is sent, a file that could not be written or read again."""
    if Path(out).suffix != ".npy":
        raise click.BadParameter(f"{out}: an array is named NAME.npy.")
    if not Path(out).parent.is_dir():
        raise click.BadParameter(f"{out}: there is no folder {Path(out).parent}.")
    return out


def _encoder(method: str, summary: str) -> click.Command:
    @model_options
    @click.argument("path", metavar="INPUT", type=click.Path())
    @click.option("--key", help="Which array of an .npz that holds several.")
    @click.option(
        "--out",
        required=True,
        type=click.Path(),
        callback=_check_out,
        help="The .npy file to write.",
    )
    @json_option
    def command(client: Client, path: str, key: str | None, out: str, as_json: bool) -> None:
        rows = read_rows(path, key)
        with client, _progress(client, method, len(rows)):
            encoded = getattr(client, method)(rows)
        target = Path(out)
        partial = target.with_name(target.name + ".partial")
        try:
            with partial.open("wb") as file:
                np.save(file, encoded)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        record = {"out": out, "shape": list(encoded.shape), "dtype": str(encoded.dtype)}
        print_result(record, as_json)

    return click.command(
        method,
        help=f"{summary} INPUT is .npy, .npz, .txt, an image or a directory of images.",
        epilog=f"\b\nExample:\n  python -m serving {method} fashion images.npz --out {method}.npy",
    )(command)


main.add_command(_encoder("embed", "Writes the embedding of each row of INPUT."))
main.add_command(_encoder("hash", "Writes the packed hash code of each row of INPUT."))


@main.command(
    epilog="""\b
Examples:
  python -m serving search fashion codes.index queries.npz -k 5
  python -m serving search fashion codes.index queries.npz --radius 2 --json
  python -m serving search fashion codes.index queries.npz --margin --explain
  python -m serving search fashion codes.index queries.npz --where label=boot --where 'price<20'
  python -m serving search fashion codes.index queries.npz \\
    --page found.html --images fashion.npz --images-key x_train
"""
)
@model_options
@click.argument("index_path", metavar="INDEX", type=click.Path())
@click.argument("path", metavar="QUERIES", type=click.Path())
@click.option("--key", help="Which array of an .npz that holds several.")
@click.option("-k", default=10, show_default=True, type=click.IntRange(1), help="Nearest entries.")
@click.option("--radius", type=click.IntRange(0), help="Every entry within this distance instead.")
@click.option("--margin", is_flag=True, help="Rank by how sure the query is of each bit.")
@click.option("--among", "among_path", type=click.Path(), help="Only these ids: .npy or .txt.")
@click.option(
    "--where",
    multiple=True,
    help="Only entries whose payload passes: FIELD, one of = != < <= > >=, VALUE; may be repeated.",
)
@click.option("--payloads", is_flag=True, help="Print what is kept beside each code.")
@click.option("--explain", is_flag=True, help="Print how each query was answered, and its cost.")
@click.option("--page", "page_path", type=click.Path(), help="Write a page of pictures (.html).")
@click.option(
    "--images",
    "images_path",
    type=click.Path(),
    help="For --page: the images of the entries, that of id i in place i.",
)
@click.option("--images-key", help="Which array of an .npz that holds several.")
@json_option
def search(
    client: Client,
    index_path: str,
    path: str,
    key: str | None,
    k: int,
    radius: int | None,
    margin: bool,
    among_path: str | None,
    where: tuple[str, ...],
    payloads: bool,
    explain: bool,
    page_path: str | None,
    images_path: str | None,
    images_key: str | None,
    as_json: bool,
) -> None:
    """Hashes QUERIES with MODEL and prints ids and Hamming distances from INDEX."""
    if margin and radius is not None:
        raise ValueError("--margin ranks the -k nearest entries; leave out --margin or --radius")
    if explain and where:
        raise ValueError("--explain tells of searches by code; leave out --where")
    if (page_path is None) != (images_path is None):
        raise ValueError("--page and --images go together: the page shows the entries' images")
    queries = read_rows(path, key)
    among = None if among_path is None else read_ids(among_path)
    passes = parse_where(where) if where else None
    page = None
    if page_path and images_path:
        from serving.page import ResultPage

        page = ResultPage(queries, read_rows(images_path, images_key), images_path)
    with client, HashIndex.open(index_path, readonly=True) as codes:
        finder = Search(client, codes)
        with _progress(client, "hashing queries", len(queries)):
            hashed, margins = finder.encode(queries, margin)
        if radius is None:
            rows = rows_of(codes.search(hashed, k=k, margin=margins, among=among, where=passes))
        else:
            rows = rows_of(codes.within(hashed, radius=radius, among=among, where=passes))
        for query, row in enumerate(rows):
            if margin:
                row["hamming"] = hamming(codes, hashed[query], row["ids"])
            if payloads:
                row["payloads"] = codes.payloads(np.array(row["ids"], np.int64))
        steps = []
        if explain:
            weights = [None] * len(rows) if margins is None else margins
            steps = [
                codes.explain(code, k, radius=radius, margin=weight, among=among)
                for code, weight in zip(hashed, weights, strict=True)
            ]
        holds = f"{len(codes):,} codes of {codes.bits} bits"
    if page and page_path:
        wanted = f"the {k} nearest" if radius is None else f"those within {radius} bits"
        by = ", ranked by margins" if margin else ""
        page.write(page_path, client.address.model, f"{wanted} of {holds}{by}", rows, steps)
    if as_json:
        for row, taken in zip(rows, steps, strict=False):
            row["explain"] = [asdict(step) for step in taken]
        click.echo(json.dumps(rows))
        return
    _print_found(rows)
    if explain:
        click.echo()
        _print_steps(steps)
    if page_path:
        click.echo(f"\npage: {page_path}")


def _print_found(rows: list[dict[str, list[Any]]]) -> None:
    """One line an entry; a line of its own for a query that found none."""
    first = rows[0] if rows else {"ids": [], "distances": []}
    columns = [name for name in ("ids", "distances", "hamming", "payloads") if name in first]
    lines: list[tuple[Any, ...]] = []
    for query, row in enumerate(rows):
        found = list(zip(*(row[name] for name in columns), strict=True))
        lines += [("" if place else query, *cells) for place, cells in enumerate(found)]
        if not found:
            lines.append((query, "none", *[""] * (len(columns) - 1)))
    headings = {"ids": "id", "distances": "distance", "payloads": "payload"}
    print_table(lines, ("query", *(headings.get(name, name) for name in columns)))


def _print_steps(steps: list[list[Step]]) -> None:
    """One line a query and segment."""
    print_table(
        [
            (
                query if place == 0 else "",
                step.method,
                step.entries,
                step.tables,
                step.radius if step.probes else "",
                step.probes,
                step.candidates,
                round(step.microseconds),
            )
            for query, taken in enumerate(steps)
            for place, step in enumerate(taken)
        ],
        ("query", "way", "entries", "tables", "flips", "probes", "compared", "microseconds"),
    )
