"""`python -m serving`: a model server, its client, and the index, from the shell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.progress import Progress

from console import Group, json_option, print_result, print_table
from serving.client import Client
from serving.errors import ServingError
from serving.index import HashIndexError
from serving.index_cli import index
from serving.inputs import read_rows
from serving.options import model_options
from serving.replay_cli import replay_command
from serving.search import Search, rows_of
from serving.up import up


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


def _encoder(method: str, summary: str) -> click.Command:
    @model_options
    @click.argument("path", metavar="INPUT", type=click.Path())
    @click.option("--key", help="Which array of an .npz that holds several.")
    @click.option("--out", required=True, type=click.Path(), help="The .npy file to write.")
    @json_option
    def command(client: Client, path: str, key: str | None, out: str, as_json: bool) -> None:
        rows = read_rows(path, key)
        screen = Console(stderr=True)
        hidden = not screen.is_terminal
        with client, Progress(console=screen, transient=True, disable=hidden) as bar:
            task = bar.add_task(method, total=len(rows))
            client.progress = lambda done: bar.advance(task, done)
            encoded = getattr(client, method)(rows)
        target = Path(out)
        partial = target.with_name(target.name + ".partial")
        with partial.open("wb") as file:
            np.save(file, encoded)
        partial.replace(target)
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
"""
)
@model_options
@click.argument("index_path", metavar="INDEX", type=click.Path())
@click.argument("path", metavar="QUERIES", type=click.Path())
@click.option("--key", help="Which array of an .npz that holds several.")
@click.option("-k", default=10, show_default=True, type=click.IntRange(1), help="Nearest entries.")
@click.option("--radius", type=click.IntRange(0), help="Every entry within this distance instead.")
@json_option
def search(
    client: Client,
    index_path: str,
    path: str,
    key: str | None,
    k: int,
    radius: int | None,
    as_json: bool,
) -> None:
    """Hashes QUERIES with MODEL and prints ids and Hamming distances from INDEX."""
    from serving.index import HashIndex

    queries = read_rows(path, key)
    with client, HashIndex.open(index_path, readonly=True) as codes:
        finder = Search(client, codes)
        found = finder.nearest(queries, k) if radius is None else finder.within(queries, radius)
        rows = rows_of(found)
    if as_json:
        click.echo(json.dumps(rows))
        return
    print_table(
        [
            (query, " ".join(f"{i}:{d}" for i, d in zip(row["ids"], row["distances"], strict=True)))
            for query, row in enumerate(rows)
        ],
        ("query", "id:distance"),
    )
