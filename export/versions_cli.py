"""The commands on versions that are there: list, verify, rollback, prune."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

import console
from export import card, lifecycle, versions
from export.steps import steps


@click.command(
    "list",
    epilog="""\b
Examples:
  python -m export list models
  python -m export list models --name digits --json
  python -m export list gs://bucket/models""",
)
@click.argument("base")
@click.option("--name", help="Only this model.")
@console.json_option
def list_command(base: str, name: str | None, as_json: bool) -> None:
    """List the models under BASE, a folder or the URI of one in a store, and their versions."""
    if "://" in base:
        console.start_tensorflow()
        with steps() as progress, tempfile.TemporaryDirectory() as folder:
            progress(f"reading {base}")
            from export import store

            store.mirror(base, Path(folder), contents=False)
            rows = _rows(Path(folder), name)
            for row in rows:
                row["path"] = f"{base.rstrip('/')}/{Path(row['path']).relative_to(folder)}"
    else:
        rows = _rows(Path(base), name)
    if as_json:
        console.print_result({"versions": rows}, True)
        return
    console.print_table(
        [
            (
                *(row["name"], row["version"], row["variant"] or "-", row["code"] or "-"),
                *(f"{row['bytes'] / 1e6:.2f} MB", (row["fingerprint"] or "-")[:12]),
                *(row["published"] or "-", row["damage"] or "complete"),
            )
            for row in rows
        ],
        ("name", "version", "variant", "code", "size", "fingerprint", "published", "state"),
    )


def _rows(base: Path, name: str | None) -> list[dict[str, Any]]:
    if not base.is_dir():
        raise FileNotFoundError(f"no folder at {base}; expected the BASE given to publish")
    names = [name] if name else sorted(p.name for p in base.iterdir() if _is_model(p))
    return [
        {"name": each, "version": version, **_describe(path)}
        for each in names
        for version, path in versions.list_versions(base / each).items()
    ]


def _is_model(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith(".") and bool(versions.list_versions(path))


def _describe(path: Path) -> dict[str, Any]:
    wrong = card.damage(path)
    try:
        described = card.read(path)
    except ValueError:
        described = {}
    code = described.get("code")
    return {
        "path": str(path),
        "variant": described.get("variant"),
        "code": f"{code['kind']} {code['size']}" if code else None,
        "bytes": card.size_of(path),
        "fingerprint": described.get("fingerprint"),
        "metrics": described.get("metrics", {}),
        "published": described.get("made_with", {}).get("published"),
        "damage": wrong,
    }


@click.command(
    epilog="""\b
Examples:
  python -m export verify models/digits/1
  python -m export verify models/digits/1 --model runs/digits"""
)
@click.argument("version")
@click.option(
    "--model",
    type=click.Path(path_type=Path),
    help="Compare with this autoencoder instead of the recorded answers.",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0),
    help="Largest error allowed; the one of the publication if omitted.",
)
@console.json_option
def verify(version: str, model: Path | None, tolerance: float | None, as_json: bool) -> None:
    """Load VERSION (BASE/NAME/VERSION) in another process and repeat its recorded requests.

    BASE may be the URI of an object store: the version is downloaded first.
    """
    console.start_tensorflow()
    with steps() as progress:
        import zoo
        from export.autoencoders import from_autoencoder
        from export.verify import verify as check_version

        exportable = None
        if model is not None:
            progress(f"loading {model}")
            exportable = from_autoencoder(zoo.load(model))
        progress("asking the SavedModel, in a process that has TensorFlow only")
        result = check_version(version, exportable, tolerance)
    if as_json:
        console.print_result(result, True)
        return
    checked = result["signatures"]
    console.print_table(
        [(key, str(entry["batch_sizes"]), entry["max_error"]) for key, entry in checked.items()],
        ("signature", "batch sizes", "max error"),
        title=f"{version} answers as it should (loads in {result['load_seconds']} s)",
    )


@click.command(
    epilog="""\b
Examples:
  python -m export rollback models --name digits
  python -m export rollback models --name digits --to 3 --config models.config
  python -m export rollback gs://bucket/models --name digits"""
)
@click.argument("base")
@click.option("--name", required=True, help="The model's name under BASE.")
@click.option("--to", type=int, help="Version to go back to; the one before the newest if omitted.")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="A models.config; versions that it names stay.",
)
@console.json_option
def rollback(base: str, name: str, to: int | None, config: Path | None, as_json: bool) -> None:
    """Set the newest versions aside, so that servers go back to an earlier one."""
    with _reading(base):
        target, retired = lifecycle.rollback(base, name, to, _named(config, name))
    console.print_result({"serving": target, "retired": retired}, as_json, title="Rolled back")


@click.command(
    epilog="""\b
Examples:
  python -m export prune models --name digits --keep 3
  python -m export prune models --name digits --keep 1 --config models.config --json"""
)
@click.argument("base")
@click.option("--name", required=True, help="The model's name under BASE.")
@click.option("--keep", required=True, type=int, help="How many of the newest versions stay.")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="A models.config; versions that a policy or label in it names stay.",
)
@console.json_option
def prune(base: str, name: str, keep: int, config: Path | None, as_json: bool) -> None:
    """Remove all but the newest versions."""
    with _reading(base):
        removed = lifecycle.prune(base, name, keep, _named(config, name))
        present = lifecycle.present(base, name)
    console.print_result({"removed": removed, "present": present}, as_json, title="Pruned")


@contextlib.contextmanager
def _reading(base: str) -> Iterator[None]:
    """Shows that a store is being read; local folders take no time."""
    if "://" not in base:
        yield
        return
    console.start_tensorflow()
    with steps() as progress:
        progress(f"reading {base}")
        yield


def _named(config: Path | None, name: str) -> set[int]:
    if config is None:
        return set()
    from export.serving_config import named_versions

    return named_versions(config, name)
