"""Import and export: `.npz` and Parquet files of ids, packed codes and payloads.

An `.npz` file holds `ids` int64 [n], `codes` uint8 [n, bytes], `bits` and, if there are
payloads, `payloads`: uint8, their JSON texts in UTF-8, one a line, empty lines for none. A
Parquet file (which needs pyarrow) has the columns `id`, `code` (binary) and `payload` (JSON
text, may be null or missing), and `bits` in the schema's metadata.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from serving.index.arguments import JsonText
from serving.index.hash_index import HashIndex

BATCH = 1 << 17


def import_file(
    index: HashIndex,
    path: str | os.PathLike[str],
    *,
    replace: bool = False,
    progress: Callable[[float], None] | None = None,
) -> int:
    """Adds a file's entries, all or none.

    Args:
        index: Where to add them.
        path: A `.npz` or `.parquet` file, see the module.
        replace: Whether ids may be in the index and are then replaced.
        progress: As for `HashIndex.add`.

    Returns:
        How many entries were added.

    Raises:
        ValueError: If the file is not of this form, has codes of another length, or holds an
            id that is in the index, without `replace`.
    """
    ids, codes, texts, bits = _reader(path)(Path(path))
    if bits is not None and bits != index.bits:
        raise ValueError(f"{path} holds codes of {bits} bits; the index, of {index.bits}")
    payloads = None
    if texts is not None:
        try:
            payloads = [JsonText.of(text) for text in texts]
        except ValueError as error:
            raise ValueError(f"{path}: a payload is not JSON: {error}") from None
    index.add(ids, codes, payloads, replace=replace, progress=progress)
    return len(ids)


def export_file(index: HashIndex, path: str | os.PathLike[str]) -> int:
    """Writes all entries, in the order of their ids, to a file that is whole or not there.

    Args:
        index: Whose entries.
        path: A `.npz` or `.parquet` file, see the module; replaced if it is there.

    Returns:
        How many entries were written.
    """
    path = Path(path)
    _reader(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    write = _write_npz if path.suffix == ".npz" else _write_parquet
    try:
        count = write(index, temporary)
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
    return count


def file_bits(path: str | os.PathLike[str]) -> int | None:
    """Length of the codes in a file, if it says so, to create an index for it.

    Reads that alone, not the codes.

    Raises:
        ValueError: If the file is not of the form that `import_file` reads.
    """
    path = Path(path)
    _reader(path)
    if path.suffix == ".npz":
        with _readable_npz(path), np.load(path, allow_pickle=False) as file:
            names, bits = file.files, int(file["bits"]) if "bits" in file.files else None
        _check_arrays(path, names)
        return bits
    with _readable_parquet(path) as (_, parquet):
        schema = parquet.read_schema(path)
    _check_columns(path, schema.names)
    return _bits_of(schema)


def _reader(path: str | os.PathLike[str]) -> Any:
    readers = {".npz": _read_npz, ".parquet": _read_parquet}
    suffix = Path(path).suffix
    if suffix not in readers:
        raise ValueError(f"the file must be .npz or .parquet. Received: {os.fspath(path)!r}")
    return readers[suffix]


def _check_arrays(path: Path, names: list[str]) -> None:
    if not {"ids", "codes"} <= set(names):
        raise ValueError(f"{path} must hold arrays `ids` and `codes`. Received: {sorted(names)}")


def _check_columns(path: Path, names: list[str]) -> None:
    if not {"id", "code"} <= set(names):
        raise ValueError(f"{path} must have columns `id` and `code`. Received: {names}")


Content = tuple[np.ndarray, np.ndarray, list[str] | None, int | None]


def _read_npz(path: Path) -> Content:
    with _readable_npz(path), np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    _check_arrays(path, list(arrays))
    texts = None
    if "payloads" in arrays:
        texts = arrays["payloads"].astype(np.uint8).tobytes().decode().split("\n")
    bits = int(arrays["bits"]) if "bits" in arrays else None
    return arrays["ids"], arrays["codes"], texts, bits


def _read_parquet(path: Path) -> Content:
    with _readable_parquet(path) as (_, parquet):
        table = parquet.read_table(path)
    _check_columns(path, table.column_names)
    rows = table.column("code").to_pylist()
    lengths = {len(code) if isinstance(code, bytes) else -1 for code in rows}
    if len(lengths) > 1 or -1 in lengths:
        raise ValueError(f"{path}: `code` must be binary, equally long in all rows")
    texts = None
    if "payload" in table.column_names:
        texts = [text or "" for text in table.column("payload").to_pylist()]
    bits = _bits_of(table.schema)
    width = -1 if rows else -(-(bits or 0) // 8)
    codes = np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), width)
    return table.column("id").to_numpy(), codes, texts, bits


@contextlib.contextmanager
def _readable_npz(path: Path) -> Iterator[None]:
    try:
        yield
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path} is not a readable .npz file: {error}") from None


@contextlib.contextmanager
def _readable_parquet(path: Path) -> Iterator[tuple[Any, Any]]:
    arrow, parquet = _arrow()
    try:
        yield arrow, parquet
    except arrow.ArrowException as error:
        raise ValueError(f"{path} is not a readable Parquet file: {error}") from None


def _bits_of(schema: Any) -> int | None:
    written = (schema.metadata or {}).get(b"bits")
    return None if written is None else int(written)


def _write_npz(index: HashIndex, path: Path) -> int:
    ids, codes, texts = index.entries()
    bits = np.int64(index.bits)
    with open(path, "wb") as file:
        if texts is None:
            np.savez(file, ids=ids, codes=codes, bits=bits)
        else:
            lines = np.frombuffer("\n".join(texts).encode(), np.uint8)
            np.savez(file, ids=ids, codes=codes, bits=bits, payloads=lines)
        file.flush()
        os.fsync(file.fileno())
    return len(ids)


def _write_parquet(index: HashIndex, path: Path) -> int:
    arrow, parquet = _arrow()
    size = -(-index.bits // 8)
    schema = arrow.schema(
        [("id", arrow.int64()), ("code", arrow.binary(size)), ("payload", arrow.string())],
        metadata={"bits": str(index.bits)},
    )
    ids, codes, texts = index.entries()
    with parquet.ParquetWriter(path, schema) as writer:
        for start in range(0, len(ids), BATCH):
            some = slice(start, start + BATCH)
            count = len(ids[some])
            column = arrow.FixedSizeBinaryArray.from_buffers(
                arrow.binary(size), count, [None, arrow.py_buffer(codes[some].tobytes())]
            )
            values = [None] * count if texts is None else [text or None for text in texts[some]]
            payloads = arrow.array(values, arrow.string())
            writer.write_table(arrow.table([ids[some], column, payloads], schema=schema))
    return len(ids)


def _arrow() -> tuple[Any, Any]:
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise ValueError("Parquet files need pyarrow: pip install pyarrow, or use .npz") from None
