"""The command that publishes a version."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

import console
from export import card
from export.arrays import read_array
from export.options import (
    MAX_BITS_CHANGED,
    PRECISIONS,
    REDUCED_TOLERANCE,
    TOLERANCE,
    WARMUP_BATCH_SIZES,
)
from export.publish import publish, publish_encoder
from export.steps import steps


@click.command(
    "publish",
    epilog="""\b
Examples:
  python -m export publish runs/digits models --name digits
  python -m export publish hash.keras models --name digits --examples images.npy
  python -m export publish hash.keras models --name digits --precision int8 --optimize
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
@click.option(
    "--pixel-scale",
    type=float,
    help="With --raw image: factor of pixels 0 to 255 [1 for a model that takes bytes or scales "
    "them itself, else 1/255].",
)
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
    "--optimize",
    is_flag=True,
    help="Let batch normalisation and rescaling become part of the weights beside them.",
)
@click.option("--endpoints", help="The only signatures to publish, like embed,hash [all].")
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
    optimize: bool,
    endpoints: str | None,
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
    arrays = {
        key: read_array(key, file)
        for key, file in (
            ("examples", examples),
            ("thresholds", thresholds),
            ("rotation", rotation),
        )
        if file
    }
    console.start_tensorflow()
    with steps() as progress:
        options: dict[str, Any] = {
            "name": name,
            "precision": precision,
            "optimize": optimize,
            "endpoints": None if endpoints is None else endpoints.split(","),
            "tolerance": tolerance,
            "max_bits_changed": max_bits_changed,
            "batch_sizes": _numbers(batch_sizes),
            "raw": _raw(raw, pixel_scale, image_size),
            "onnx": onnx,
            "progress": progress,
            **arrays,
        }
        if encoder:
            path = publish_encoder(model, base, **options)
        else:
            path = publish(model, base, **options)
    result: dict[str, Any] = {"path": str(path), "version": int(str(path).rsplit("/", 1)[1])}
    if isinstance(path, Path):
        result |= _summary(card.read(path), as_json)
    console.print_result(result, as_json, title="Published")


def _summary(described: dict[str, Any], as_json: bool) -> dict[str, Any]:
    checks = described["checks"]
    checked = checks["signatures"]
    changed = {
        key: max(entry[key] for entry in checked.values() if key in entry)
        for key in ("bits_changed", "rows_changed")
        if any(key in entry for entry in checked.values())
    }
    names = ("bytes", "plain_bytes", "rows_per_second", "plain_rows_per_second", "load_seconds")
    folded = described.get("folded")
    if folded is not None and not as_json:
        folded = ", ".join(folded) or "nothing: no scale or shift lies beside a kernel"
    scale = described.get("raw_input", {}).get("scale")
    return {
        "signatures": list(checked) if as_json else ", ".join(checked),
        "max_error": max(entry["max_error"] for entry in checked.values()),
        **changed,
        **({} if folded is None else {"folded": folded}),
        **({} if scale is None else {"pixel_scale": scale}),
        **{name: checks[name] for name in names if name in checks},
        "fingerprint": described["fingerprint"],
    }


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
        scale=scale,
        size=(int(match[1]), int(match[2])) if size else None,
    )


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(
            f"--batch-sizes must be numbers with commas between, like 1,8,32. Received: {text}"
        ) from None
