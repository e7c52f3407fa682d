"""`python -m serving index`: builds and tends a hash index."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from console import json_option, print_result
from serving.index import HashIndex
from serving.inputs import read_codes, read_rows


@click.group()
def index() -> None:
    """Builds and tends a durable index of hash codes."""


@index.command(epilog="\b\nExample:\n  python -m serving index build codes.index codes.npy")
@click.argument("path", metavar="INDEX", type=click.Path())
@click.argument("codes_path", metavar="CODES", type=click.Path())
@click.option("--key", help="Which array of an .npz that holds several.")
@click.option("--ids", "ids_path", type=click.Path(), help="int64 .npy; by default 0, 1, 2, ...")
@click.option("--bits", type=click.IntRange(1), help="By default all bits of the code's bytes.")
@json_option
def build(
    path: str,
    codes_path: str,
    key: str | None,
    ids_path: str | None,
    bits: int | None,
    as_json: bool,
) -> None:
    """Makes a new INDEX of CODES, packed uint8 [n, bytes] as `hash` writes them."""
    codes = read_codes(codes_path, key)
    ids = _ids(ids_path, len(codes), 0)
    if Path(path).exists() and any(Path(path).iterdir()):
        raise ValueError(f"{path} exists already; use index add, or another path")
    with HashIndex.open(path, bits=bits or codes.shape[1] * 8) as opened:
        opened.add(ids, codes)
        print_result(_summary(path, opened), as_json)


@index.command(
    epilog="\b\nExample:\n  python -m serving index add codes.index more.npy --ids i.npy"
)
@click.argument("path", metavar="INDEX", type=click.Path())
@click.argument("codes_path", metavar="CODES", type=click.Path())
@click.option("--key", help="Which array of an .npz that holds several.")
@click.option("--ids", "ids_path", required=True, type=click.Path(), help="int64 .npy.")
@click.option("--replace", is_flag=True, help="Replace the codes of ids that are there already.")
@json_option
def add(
    path: str, codes_path: str, key: str | None, ids_path: str, replace: bool, as_json: bool
) -> None:
    """Adds CODES to INDEX: all of them or, on an error, none."""
    codes = read_codes(codes_path, key)
    with HashIndex.open(path) as opened:
        opened.add(_ids(ids_path, len(codes), 0), codes, replace=replace)
        print_result(_summary(path, opened), as_json)


@index.command(epilog="\b\nExample:\n  python -m serving index info codes.index --json")
@click.argument("path", metavar="INDEX", type=click.Path())
@json_option
def info(path: str, as_json: bool) -> None:
    """Prints how many codes INDEX holds, their length and its size on disk."""
    with HashIndex.open(path, readonly=True) as opened:
        print_result(_summary(path, opened), as_json)


@index.command(epilog="\b\nExample:\n  python -m serving index compact codes.index")
@click.argument("path", metavar="INDEX", type=click.Path())
@json_option
def compact(path: str, as_json: bool) -> None:
    """Merges the files of INDEX into one and drops what was removed."""
    with HashIndex.open(path) as opened:
        opened.compact()
        print_result(_summary(path, opened), as_json)


def _summary(path: str, opened: HashIndex) -> dict[str, object]:
    size = sum(file.stat().st_size for file in Path(path).rglob("*") if file.is_file())
    return {"index": path, "codes": len(opened), "bits": opened.bits, "bytes": size}


def _ids(path: str | None, count: int, start: int) -> np.ndarray:
    if path is None:
        return np.arange(start, start + count, dtype=np.int64)
    ids = np.asarray(read_rows(path))
    if ids.dtype.kind not in "iu" or ids.shape != (count,):
        raise ValueError(
            f"{path}: received {ids.dtype} {list(ids.shape)}; ids must be int64 [{count}],"
            " one a code"
        )
    return ids.astype(np.int64)
