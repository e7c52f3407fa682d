"""`python -m export`: publish, verify and list versions."""

from __future__ import annotations

import logging
import os
import re
import tempfile
from pathlib import Path
from typing import Any

import click

import console
from export import card, lifecycle_cli, versions
from export.errors import ExportError
from export.publish import (
    MAX_BITS_CHANGED,
    PRECISIONS,
    REDUCED_TOLERANCE,
    TOLERANCE,
    WARMUP_BATCH_SIZES,
    publish,
    publish_encoder,
)
from export.steps import steps

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@click.group(
    cls=console.Group,
    errors=(ExportError,),
    epilog="""\b
Examples:
  python -m export publish runs/digits models --name digits
  python -m export list models
  python -m export verify models/digits/1
  python -m export convert runs/digits digits.onnx --format onnx
  python -m export rollback models --name digits
  python -m export prune models --name digits --keep 3
  python -m export serving-config models --out config --label digits:stable=1""",
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
  python -m export publish hash.keras models --name digits --onnx
  python -m export publish hash.keras gs://bucket/models --name digits
  python -m export publish resnet.keras models --name photos --encoder --thresholds medians.npy""",
)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("base")
@click.option("--name", required=True, help="The model's name under BASE.")
@click.option(
    "--raw",
    type=click.Choice(["image", "tf-example"]),
    help="Let the endpoints decode JPEG or PNG bytes, or tf.train.Example messages.",
)
@click.option("--pixel-scale", type=float, help="With --raw image: factor of pixels [1/255].")
@click.option("--image-size", help="With --raw image and a model of any size: HEIGHTxWIDTH.")
@click.option(
    "--examples",
    type=click.Path(path_type=Path),
    help="A .npy array of inputs to prove and record with; random numbers if omitted.",
)
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    default="float32",
    show_default=True,
    help="How weights are stored; bfloat16 is computed with, too.",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0),
    help=f"Largest error |a - b| / (1 + |b|) against Keras [{TOLERANCE}; {REDUCED_TOLERANCE} "
    "below float32].",
)
@click.option(
    "--max-bits-changed",
    type=click.FloatRange(0, 1),
    default=MAX_BITS_CHANGED,
    show_default=True,
    help="Largest share of bits (binary codes) or rows (sparse, discrete) that may differ.",
)
@click.option(
    "--batch-sizes",
    default=",".join(map(str, WARMUP_BATCH_SIZES)),
    show_default=True,
    help="Batch sizes that the server will run; warm-up requests are written for each.",
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
@click.option(
    "--onnx",
    is_flag=True,
    help="Also write ONNX files, for python -m serving up --engine onnxruntime.",
)
@console.json_option
def publish_command(
    model: Path,
    base: str,
    name: str,
    raw: str | None,
    pixel_scale: float | None,
    image_size: str | None,
    examples: Path | None,
    precision: str,
    tolerance: float | None,
    max_bits_changed: float,
    batch_sizes: str,
    encoder: bool,
    thresholds: Path | None,
    rotation: Path | None,
    onnx: bool,
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
    with steps() as progress:
        options: dict[str, Any] = {
            "name": name,
            "precision": precision,
            "tolerance": tolerance,
            "max_bits_changed": max_bits_changed,
            "batch_sizes": _numbers(batch_sizes),
            "raw": _raw(raw, pixel_scale, image_size),
            "onnx": onnx,
            "progress": progress,
            **arrays,
        }
        if encoder:
            path = publish_encoder(model, base, **codes, **options)
        else:
            path = publish(model, base, **options)
    result: dict[str, Any] = {"path": str(path), "version": int(str(path).rsplit("/", 1)[1])}
    if isinstance(path, Path):
        result |= _summary(card.read(path), as_json)
    console.print_result(result, as_json, title="Published")


@main.command(
    epilog="""\b
Examples:
  python -m export convert runs/digits digits.onnx --format onnx
  python -m export convert hash.keras hash.tflite --format litert --examples images.npy""",
)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(["onnx", "litert"]), required=True)
@click.option(
    "--examples",
    type=click.Path(path_type=Path),
    help="A .npy array of inputs to compare answers for; random numbers if omitted.",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0),
    default=TOLERANCE,
    show_default=True,
    help="Largest error |a - b| / (1 + |b|) against Keras.",
)
@console.json_option
def convert(
    model: Path, file: Path, form: str, examples: Path | None, tolerance: float, as_json: bool
) -> None:
    """Write the encoder of MODEL, a .keras file or run folder, as one FILE for other runtimes.

    It appears only after ONNX Runtime or LiteRT has answered as the Keras model does.
    """
    inputs = _array("examples", examples) if examples else None
    with steps() as progress:
        progress("loading TensorFlow")
        import zoo
        from export import formats
        from export.publish import load_encoder

        formats.check_request(file, form)
        progress(f"loading {model}")
        loaded = zoo.load(model) if model.is_dir() else load_encoder(model)
        progress("converting and comparing the answers")
        found = formats.convert(loaded, file, form, inputs, tolerance)["encode"]
    console.print_result({"path": str(file), "bytes": file.stat().st_size, **found}, as_json)


@main.command(
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
    with steps() as progress:
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
  python -m export list models --name digits --json
  python -m export list gs://bucket/models""",
)
@click.argument("base")
@click.option("--name", help="Only this model.")
@console.json_option
def list_command(base: str, name: str | None, as_json: bool) -> None:
    """List the models under BASE, a folder or the URI of one in a store, and their versions."""
    if "://" in base:
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


def _summary(described: dict[str, Any], as_json: bool) -> dict[str, Any]:
    checks = described["checks"]
    checked = checks["signatures"]
    changed = {
        key: max(entry[key] for entry in checked.values() if key in entry)
        for key in ("bits_changed", "rows_changed")
        if any(key in entry for entry in checked.values())
    }
    names = ("bytes", "float32_bytes", "rows_per_second", "float32_rows_per_second", "load_seconds")
    return {
        "signatures": list(checked) if as_json else ", ".join(checked),
        "max_error": max(entry["max_error"] for entry in checked.values()),
        **changed,
        **{name: checks[name] for name in names if name in checks},
        "fingerprint": described["fingerprint"],
    }


def _array(option: str, file: Path) -> Any:
    import numpy as np

    if not file.is_file():
        raise FileNotFoundError(f"--{option}: no file at {file}; expected a .npy file")
    try:
        return np.load(file, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"--{option}: {file} is not a .npy array: {error}") from error


def _raw(form: str | None, scale: float | None, size: str | None) -> Any:
    if form != "image" and (scale is not None or size is not None):
        raise ValueError("--pixel-scale and --image-size need --raw image")
    if form is None:
        return None
    from export.raw import ImageBytes, TFExample

    if form == "tf-example":
        return TFExample()
    match = re.fullmatch(r"([1-9][0-9]*)x([1-9][0-9]*)", size or "1x1")
    if not match:
        raise ValueError(f"--image-size must be HEIGHTxWIDTH, like 224x224. Received: {size}")
    return ImageBytes(
        scale=1 / 255 if scale is None else scale,
        size=(int(match[1]), int(match[2])) if size else None,
    )


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(
            f"--batch-sizes must be numbers with commas between, like 1,8,32. Received: {text}"
        ) from None


for command in (
    lifecycle_cli.rollback,
    lifecycle_cli.prune,
    lifecycle_cli.serving_config_command,
    lifecycle_cli.deploy_command,
):
    main.add_command(command)
