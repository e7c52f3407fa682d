"""`python -m serving index`: builds and tends a hash index."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)

from console import json_option, print_result, print_table
from serving.index import HashIndex, export_file, file_bits, import_file
from serving.index.new_index import is_free, new_index
from serving.inputs import read_codes, read_ids, read_payloads

index_argument = click.argument("path", metavar="INDEX", type=click.Path())
key_option = click.option("--key", help="Which array of an .npz that holds several.")
bits_type = click.IntRange(8, 512)
payloads_option = click.option(
    "--payloads",
    "payloads_path",
    type=click.Path(),
    help="JSON lines: what to keep beside each code, one line a code, an empty line for nothing.",
)
replace_option = click.option(
    "--replace", is_flag=True, help="Replace the entries of ids that are there already."
)


@click.group(
    epilog="""\b
Examples:
  python -m serving index build codes.index codes.npy --payloads labels.jsonl
  python -m serving index export codes.index codes.parquet
  python -m serving index info codes.index
"""
)
def index() -> None:
    """Builds and tends a durable index of hash codes."""


@index.command(
    epilog="""\b
Examples:
  python -m serving index build codes.index codes.npy
  python -m serving index build codes.index codes.npy --bits 60 --payloads labels.jsonl
"""
)
@index_argument
@click.argument("codes_path", metavar="CODES", type=click.Path())
@key_option
@click.option("--ids", "ids_path", type=click.Path(), help=".npy or .txt; by default 0, 1, 2, ...")
@click.option("--bits", type=bits_type, help="By default all bits of the code's bytes.")
@payloads_option
@json_option
def build(
    path: str,
    codes_path: str,
    key: str | None,
    ids_path: str | None,
    bits: int | None,
    payloads_path: str | None,
    as_json: bool,
) -> None:
    """Makes a new INDEX of CODES, packed uint8 [n, bytes] as `hash` writes them.

    INDEX appears when it is whole; on an error or a kill there is none.
    """
    with _busy(f"building {path}") as progress:
        read = _half(progress, 0)
        codes, ids, payloads = _read_entries(codes_path, key, ids_path, payloads_path, read)
        with new_index(path, bits or codes.shape[1] * 8) as opened:
            opened.add(ids, codes, payloads, progress=_half(progress, 0.5))
            summary = _summary(path, opened)
    print_result(summary, as_json)


@index.command(
    epilog="\b\nExample:\n  python -m serving index add codes.index more.npy --ids i.npy"
)
@index_argument
@click.argument("codes_path", metavar="CODES", type=click.Path())
@key_option
@click.option("--ids", "ids_path", required=True, type=click.Path(), help=".npy, or .txt of lines.")
@payloads_option
@replace_option
@json_option
def add(
    path: str,
    codes_path: str,
    key: str | None,
    ids_path: str,
    payloads_path: str | None,
    replace: bool,
    as_json: bool,
) -> None:
    """Adds CODES to INDEX: all of them or, on an error, none."""
    with _busy(f"adding {codes_path}") as progress, HashIndex.open(path) as opened:
        read = _half(progress, 0)
        codes, ids, payloads = _read_entries(codes_path, key, ids_path, payloads_path, read)
        opened.add(ids, codes, payloads, replace=replace, progress=_half(progress, 0.5))
        summary = _summary(path, opened)
    print_result(summary, as_json)


@index.command(
    "import",
    epilog="""\b
Examples:
  python -m serving index import codes.index codes.parquet
  python -m serving index import codes.index newer.npz --replace
""",
)
@index_argument
@click.argument("file", metavar="FILE", type=click.Path())
@click.option("--bits", type=bits_type, help="For a new INDEX, where FILE does not say it.")
@replace_option
@json_option
def import_command(path: str, file: str, bits: int | None, replace: bool, as_json: bool) -> None:
    """Adds the ids, codes and payloads of FILE (.npz or .parquet) to INDEX: all or none.

    An INDEX that is not there is made. An .npz holds `ids` and `codes`, a Parquet file the
    columns `id`, `code` (binary) and, if there are any, `payload` (JSON text).
    """
    with contextlib.ExitStack() as stack:
        progress = stack.enter_context(_busy(f"importing {file}"))
        if is_free(path):
            bits = bits or file_bits(file)
            if bits is None:
                raise ValueError(f"{file} does not say how many bits its codes have; give --bits")
            opened = stack.enter_context(new_index(path, bits))
        else:
            opened = stack.enter_context(HashIndex.open(path, bits=bits))
        imported = import_file(opened, file, replace=replace, progress=progress)
        summary = {"imported": imported} | _summary(path, opened)
    print_result(summary, as_json)


@index.command(
    "export", epilog="\b\nExample:\n  python -m serving index export codes.index codes.parquet"
)
@index_argument
@click.argument("file", metavar="FILE", type=click.Path())
@json_option
def export_command(path: str, file: str, as_json: bool) -> None:
    """Writes all ids, codes and payloads of INDEX to FILE (.npz or .parquet), whole or not."""
    with HashIndex.open(path, readonly=True) as opened, _busy(f"exporting to {file}"):
        exported = export_file(opened, file)
        bits = opened.bits
    record = {"out": file, "exported": exported, "bits": bits, "bytes": Path(file).stat().st_size}
    print_result(record, as_json)


@index.command(epilog="\b\nExample:\n  python -m serving index info codes.index --json")
@index_argument
@json_option
def info(path: str, as_json: bool) -> None:
    """Prints how many codes INDEX holds, their length, its size on disk and its segments."""
    with HashIndex.open(path, readonly=True) as opened:
        summary, parts = _summary(path, opened), opened.info()
    if as_json:
        click.echo(json.dumps(summary | {k: parts[k] for k in ("segments", "log")}, indent=2))
        return
    print_result(summary | {"in the log": parts["log"]["entries"]}, as_json=False)
    if parts["segments"]:
        click.echo()
        columns = ("name", "entries", "removed", "tables")
        rows = [[segment[column] for column in columns] for segment in parts["segments"]]
        print_table(rows, ("segment", *columns[1:]))


@index.command(epilog="\b\nExample:\n  python -m serving index compact codes.index")
@index_argument
@json_option
def compact(path: str, as_json: bool) -> None:
    """Merges the files of INDEX into one and drops what was removed."""
    with HashIndex.open(path) as opened:
        with _busy(f"compacting {len(opened):,} codes") as progress:
            opened.compact(progress)
        summary = _summary(path, opened)
    print_result(summary, as_json)


def _read_entries(
    codes_path: str,
    key: str | None,
    ids_path: str | None,
    payloads_path: str | None,
    progress: Callable[[float], None],
) -> tuple[np.ndarray, np.ndarray, list[Any] | None]:
    """Codes, their ids (by default 0, 1, 2, ...) and, if there is a file of them, payloads."""
    codes = read_codes(codes_path, key)
    ids = np.arange(len(codes)) if ids_path is None else read_ids(ids_path, len(codes))
    return codes, ids, read_payloads(payloads_path, len(codes), progress)


@contextlib.contextmanager
def _busy(text: str) -> Iterator[Callable[[float], None]]:
    """Shows on a terminal what is being done, for how long, and the share that it is told."""
    screen = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    hidden = not screen.is_terminal
    with Progress(*columns, console=screen, transient=True, disable=hidden) as bar:
        task = bar.add_task(text, total=None)
        yield lambda share: bar.update(task, total=1.0, completed=share)


def _half(progress: Callable[[float], None], begin: float) -> Callable[[float], None]:
    """The progress of one of two halves of the work."""
    return lambda share: progress(begin + share / 2)


def _summary(path: str, opened: HashIndex) -> dict[str, Any]:
    return {
        "index": path,
        "codes": len(opened),
        "bits": opened.bits,
        "bytes": opened.info()["bytes"],
    }
