"""`python -m export`: publish, verify and list versions."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import rich.console
import rich.progress

import console
from export import card, versions
from export.errors import ExportError
from export.publish import TOLERANCE, publish, publish_encoder

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@click.group(
    cls=console.Group,
    errors=(ExportError,),
    epilog="""\b
Examples:
  python -m export publish runs/digits models --name digits
  python -m export list models
  python -m export verify models/digits/1""",
)
def main() -> None:
    """Publish encoders as SavedModel versions that TensorFlow Serving picks up."""
    logging.getLogger("tensorflow").setLevel(logging.ERROR)


@main.command(
    "publish",
    epilog="""\b
Examples:
  python -m export publish runs/digits models --name digits
  python -m export publish hash.keras models --name digits --examples images.npy
  python -m export publish resnet.keras models --name photos --encoder --thresholds medians.npy""",
)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("base", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="The model's name under BASE.")
@click.option(
    "--examples",
    type=click.Path(path_type=Path),
    help="A .npy array of inputs to prove and record with; random numbers if omitted.",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0),
    default=TOLERANCE,
    show_default=True,
    help="Largest error |a - b| / (1 + |b|) between SavedModel and Keras model.",
)
@click.option("--encoder", is_flag=True, help="MODEL is any Keras encoder, not an autoencoder.")
@click.option(
    "--thresholds",
    type=click.Path(path_type=Path),
    help="With --encoder: a .npy array [bits]; adds the hash signatures.",
)
@click.option(
    "--rotation",
    type=click.Path(path_type=Path),
    help="With --encoder: a .npy array [d, bits], applied before the thresholds.",
)
@console.json_option
def publish_command(
    model: Path,
    base: Path,
    name: str,
    examples: Path | None,
    tolerance: float,
    encoder: bool,
    thresholds: Path | None,
    rotation: Path | None,
    as_json: bool,
) -> None:
    """Publish MODEL, a .keras file or run folder, as the next version of BASE/NAME.

    The version becomes visible only after a process that has TensorFlow alone has answered as
    the Keras model does.
    """
    if not encoder and (thresholds or rotation):
        raise ValueError("--thresholds and --rotation need --encoder: an autoencoder has its own")
    arrays = {key: _array(key, file) for key, file in (("examples", examples),) if file}
    codes = {
        key: _array(key, file)
        for key, file in (("thresholds", thresholds), ("rotation", rotation))
        if file
    }
    with _steps() as progress:
        options: dict[str, Any] = {
            "name": name,
            "tolerance": tolerance,
            "progress": progress,
            **arrays,
        }
        if encoder:
            path = publish_encoder(model, base, **codes, **options)
        else:
            path = publish(model, base, **options)
    described = card.read(path)
    checked = described["checks"]["signatures"]
    console.print_result(
        {
            "path": str(path),
            "version": int(path.name),
            "signatures": list(checked) if as_json else ", ".join(checked),
            "max_error": max(entry["max_error"] for entry in checked.values()),
            "bytes": card.size_of(path),
            "load_seconds": described["checks"]["load_seconds"],
            "fingerprint": described["fingerprint"],
        },
        as_json,
        title="Published",
    )


@main.command(
    epilog="""\b
Examples:
  python -m export verify models/digits/1
  python -m export verify models/digits/1 --model runs/digits"""
)
@click.argument("version", type=click.Path(path_type=Path))
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
def verify(version: Path, model: Path | None, tolerance: float | None, as_json: bool) -> None:
    """Load VERSION (BASE/NAME/VERSION) in another process and repeat its recorded requests."""
    with _steps() as progress:
        progress("loading TensorFlow")
        import zoo
        from export import signatures
        from export.verify import verify as check_version

        exportable = None
        if model is not None:
            progress(f"loading {model}")
            exportable = signatures.from_autoencoder(zoo.load(model))
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


@main.command(
    "list",
    epilog="""\b
Examples:
  python -m export list models
  python -m export list models --name digits --json""",
)
@click.argument("base", type=click.Path(path_type=Path))
@click.option("--name", help="Only this model.")
@console.json_option
def list_command(base: Path, name: str | None, as_json: bool) -> None:
    """List the models under BASE and their versions."""
    if not base.is_dir():
        raise FileNotFoundError(f"no folder at {base}; expected the BASE given to publish")
    names = [name] if name else sorted(p.name for p in base.iterdir() if _is_model(p))
    rows = []
    for each in names:
        for version, path in versions.list_versions(base / each).items():
            rows.append({"name": each, "version": version, **_describe(path)})
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


def _array(option: str, file: Path) -> Any:
    import numpy as np

    if not file.is_file():
        raise FileNotFoundError(f"--{option}: no file at {file}; expected a .npy file")
    try:
        return np.load(file, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"--{option}: {file} is not a .npy array: {error}") from error


@contextlib.contextmanager
def _steps() -> Iterator[Callable[[str], None]]:
    """Shows the step under way: a spinner on a terminal, a line each elsewhere."""
    terminal = rich.console.Console(stderr=True)
    if not terminal.is_terminal:
        yield lambda line: print(f"{line} ...", file=sys.stderr, flush=True)
        return
    columns = (
        rich.progress.SpinnerColumn(),
        rich.progress.TextColumn("{task.description}"),
        rich.progress.TimeElapsedColumn(),
    )
    with rich.progress.Progress(*columns, console=terminal, transient=True) as bar:
        task = bar.add_task("starting")
        yield lambda line: bar.update(task, description=line)
