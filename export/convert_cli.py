"""The command that writes an encoder as one file for other runtimes."""

from __future__ import annotations

from pathlib import Path

import click

import console
from export.arrays import read_array
from export.options import TOLERANCE
from export.steps import steps


@click.command(
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
    inputs = read_array("examples", examples) if examples else None
    console.start_tensorflow()
    with steps() as progress:
        import zoo
        from export import formats
        from export.publish import load_encoder

        formats.check_request(file, form)
        progress(f"loading {model}")
        loaded = zoo.load(model) if model.is_dir() else load_encoder(model)
        progress("converting and comparing the answers")
        found = formats.convert(loaded, file, form, inputs, tolerance)["encode"]
    console.print_result({"path": str(file), "bytes": file.stat().st_size, **found}, as_json)
