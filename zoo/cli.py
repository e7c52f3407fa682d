"""The command line of the zoo: list, data, fit, evaluate, report, compare."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from typing import Any

import click

import console

READING = ("label", "text", "categorical", "drop", "image_size", "split")

run_argument = click.argument("run", type=click.Path(path_type=pathlib.Path))
data_dir_option = click.option(
    "--data-dir",
    envvar="AEZOO_DATA_DIR",
    type=click.Path(file_okay=False),
    help="Folder with NAME.npz files, searched before anything is downloaded.",
)


def reading_options(command: Callable) -> Callable:
    """Adds the options that say how a file is read; `_reading` takes them."""
    many = {"multiple": True, "metavar": "COLUMN"}
    for name, how in (
        ("--split", {"metavar": "NAME", "help": "Archives: the rows NAME_train and NAME_test."}),
        ("--image-size", {"metavar": "HEIGHTxWIDTH", "help": "Folders: scale images to one size."}),
        ("--drop", {**many, "help": "Tables: leave this column out; again for more."}),
        ("--categorical", {**many, "help": "Tables: its numbers are categories; again for more."}),
        ("--text", {"metavar": "COLUMN", "help": "Tables: the texts, in place of all columns."}),
        ("--label", {"metavar": "COLUMN", "help": "Tables: the labels."}),
    ):
        command = click.option(name, **how)(command)
    return command


full_option = click.option(
    "--full", is_flag=True, help="Use all rows for probes and queries, measure times, draw UMAP."
)
outliers_option = click.option(
    "--outliers",
    metavar="LABELS|DATA",
    help="Test for anomalies: labels, as in 3,7, or a data set whose test rows must stand out.",
)


@click.group(cls=console.Group)
def cli() -> None:
    """Train autoencoders whose codes are the product, and measure them."""


@cli.command("list")
@console.json_option
def list_command(as_json: bool) -> None:
    """List the variants and backbones."""
    import zoo

    variants = zoo.list_variants()
    if as_json:
        rows = [
            {"name": v.name, "code": v.kind, "summary": v.summary, "source": v.source}
            for v in variants
        ]
        click.echo(json.dumps({"variants": rows, "backbones": zoo.list_backbones()}, indent=2))
        return
    console.print_table(
        [(v.name, v.kind, v.summary, v.source) for v in variants],
        ("variant", "code", "what stops the copying", "source"),
    )
    click.echo(f"\nbackbones: {', '.join(zoo.list_backbones())}")


@cli.command(epilog="\b\nExample:\n  python -m zoo data digits --out digits.npz")
@click.argument("data")
@data_dir_option
@reading_options
@click.option("--out", required=True, type=click.Path(path_type=pathlib.Path), help="The .npz.")
@console.json_option
def data(data: str, data_dir: str | None, out: pathlib.Path, as_json: bool, **reading: Any) -> None:
    """Write a data set as an .npz file: x_train, x_test and, if known, y_train and y_test.

    Texts and word counts are written as text_utf8 and offsets, or as a CSR matrix.
    """
    import zoo.datasets

    dataset = zoo.datasets.load(data, data_dir, **_reading(reading))
    dataset.save(out)
    shapes = {"x_train": list(dataset.x_train.shape), "x_test": list(dataset.x_test.shape)}
    console.print_result({"file": str(out), "kind": dataset.kind, **shapes}, as_json)


@cli.command(
    epilog="""\b
Examples:
  python -m zoo fit --data digits --out runs/digits
  python -m zoo fit --data mnist --data-dir ~/data --code-dim 64 --backbone conv --out runs/mnist
  python -m zoo fit --data vectors.npy --variant undercomplete --out runs/vectors
  python -m zoo fit --data mnist --variant denoising --pretrain-epochs 10 --out runs/stacked
  python -m zoo fit --data ng20_text --code-dim 64 --out runs/news
  python -m zoo fit --data people.csv --label income --variant undercomplete --out runs/people
  python -m zoo fit --data photos/ --image-size 64x64 --backbone conv --out runs/photos
  python -m zoo fit --resume --out runs/mnist"""
)
@click.option(
    "--data",
    default="digits",
    show_default=True,
    help="A name, an .npz, .npy, .csv, .parquet or .txt file, or a folder of images or .txt files.",
)
@data_dir_option
@reading_options
@click.option("--variant", default="semantic-hash", show_default=True, help="See `list`.")
@click.option("--backbone", help="See `list`; chosen by the kind of data if left out.")
@click.option("--code-dim", default=32, show_default=True, help="Units, or bits, of the code.")
@click.option("--likelihood", help="bernoulli or gaussian; chosen by the data if left out.")
@click.option(
    "--epochs",
    type=int,
    help="Passes; by default about 4,000 steps, with neighbours 500.",
)
@click.option(
    "--neighbours",
    type=int,
    help="Rows that the code of each is taught to be near to; semantic-hash: 30, 0 for none.",
)
@click.option(
    "--pretrain-epochs",
    type=int,
    help="Train each layer by itself first, for so many passes (dense backbone).",
)
@click.option("--batch-size", default=128, show_default=True, help="Rows of a step.")
@click.option("--learning-rate", default=1e-3, show_default=True, help="Adam's learning rate.")
@click.option("--seed", default=0, show_default=True, help="Seed of weights, order and noise.")
@click.option(
    "--option",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    help="An option of the variant or backbone, as JSON: noise=2, hidden=[256].",
)
@click.option(
    "--out", required=True, type=click.Path(path_type=pathlib.Path), help="The run folder."
)
@click.option(
    "--resume", is_flag=True, help="Go on with the run in --out, with its options; --epochs adds."
)
@console.json_option
def fit(
    out: pathlib.Path,
    resume: bool,
    epochs: int | None,
    options: tuple[str, ...],
    as_json: bool,
    **config: Any,
) -> None:
    """Train a model into a run folder, measure it and write its report.

    The folder gets model.keras, config.json, history.csv, metrics.json, report.html with
    figures, and TensorBoard logs. A killed training goes on with --resume and ends as if it
    had never been stopped.
    """
    from zoo.training import Run, fit_run

    run = Run(out)
    if resume:
        config = run.read_json(run.config_file)
        config["epochs"] = config["epochs"] if epochs is None else epochs
    elif run.model_file.exists():
        raise click.UsageError(f"{out} holds a run already: add --resume or choose another --out.")
    else:
        reading = _reading({name: config.pop(name) for name in READING})
        config |= {"epochs": epochs, "options": _parse(options), "reading": reading}
    model = fit_run(run, config)
    metrics = _measure(run, model)
    _print_metrics({"run": str(out), **metrics}, as_json)


@cli.command(
    epilog="""\b
Examples:
  python -m zoo evaluate runs/digits --json
  python -m zoo evaluate runs/mnist --outliers fashion_mnist --data-dir ~/data
  python -m zoo evaluate runs/mnist_without_3 --outliers 3 --full"""
)
@run_argument
@data_dir_option
@outliers_option
@full_option
@console.json_option
def evaluate(
    run: pathlib.Path, data_dir: str | None, outliers: str | None, full: bool, as_json: bool
) -> None:
    """Measure a run on its test rows.

    Writes metrics.json, report.html with its figures, and TensorBoard logs.
    """
    from zoo.training import Run

    folder = Run(run)
    metrics = _measure(folder, folder.load_model(), data_dir, outliers, full)
    _print_metrics(metrics, as_json, title=str(run))


@cli.command(epilog="\b\nExample:\n  python -m zoo report runs/digits")
@run_argument
@data_dir_option
@outliers_option
@full_option
def report(run: pathlib.Path, data_dir: str | None, outliers: str | None, full: bool) -> None:
    """Measure anew as `evaluate` does, and print where the page is."""
    from zoo.training import Run

    folder = Run(run)
    _measure(folder, folder.load_model(), data_dir, outliers, full)
    click.echo(folder.folder / "report.html")


@cli.command(
    epilog="""\b
Examples:
  python -m zoo compare runs/a runs/b
  python -m zoo compare runs/* --out compare.html"""
)
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=pathlib.Path))
@click.option("--out", type=click.Path(path_type=pathlib.Path), help="Write a page here too.")
@console.json_option
def compare(runs: tuple[pathlib.Path, ...], out: pathlib.Path | None, as_json: bool) -> None:
    """Put runs that were evaluated side by side."""
    import zoo.evaluation.compare as comparison

    measured = comparison.read(runs)
    if out is not None:
        comparison.compare(measured).write(out)
    found = comparison.warnings(measured)
    if as_json:
        records = [
            {"run": run.name, "folder": str(run.folder), "config": run.config} for run in measured
        ]
        for record, run in zip(records, measured, strict=True):
            record["metrics"] = run.metrics
        click.echo(json.dumps({"runs": records, "warnings": found}, indent=2))
        return
    tables = (comparison.option_table(measured), comparison.metric_table(measured))
    for table in filter(None, tables):
        console.print_table([list(line.values()) for line in table], list(table[0]))
        click.echo()
    for warning in found:
        click.echo(f"warning: {warning}", err=True)
    if out is not None:
        click.echo(out)


def _measure(
    run: Any,
    model: Any,
    data_dir: str | None = None,
    outliers: str | None = None,
    full: bool = False,
) -> dict[str, Any]:
    import rich.console

    import zoo.datasets
    import zoo.evaluation
    from zoo.evaluation import tensorboard
    from zoo.evaluation.anomalies import find_outliers
    from zoo.evaluation.report import build_report

    config = run.read_json(run.config_file)
    dataset = zoo.datasets.load_for(config, data_dir)
    where = data_dir or config["data_dir"]
    reading = config.get("reading", {})
    strange = None if outliers is None else find_outliers(outliers, dataset, where, reading)
    with rich.console.Console(stderr=True).status("measuring") as status:

        def progress(stage: str) -> None:
            status.update(f"measuring: {stage}")

        evaluation = zoo.evaluation.evaluate(
            model, dataset, full=full, outliers=strange, progress=progress
        )
        run.write_json(run.metrics_file, evaluation.metrics)
        status.update("drawing")
        histograms = []
        if run.activations_file.exists():
            histograms = run.read_json(run.activations_file)
        history = run.read_history()
        page = build_report(model, dataset, evaluation, history, histograms, config)
        page.write(run.folder / "report.html")
        folder = run.tensorboard_folder / "evaluation"
        metrics, codes = evaluation.metrics, evaluation.test_codes
        tensorboard.log(folder, page, metrics, codes, dataset, step=len(history))
    return evaluation.metrics


def _print_metrics(metrics: dict[str, Any], as_json: bool, title: str | None = None) -> None:
    from zoo.evaluation.representations import is_of_a_representation, side_by_side

    if as_json:
        console.print_result(metrics, as_json)
        return
    lines = side_by_side(metrics)
    alone = {
        name: value
        for name, value in metrics.items()
        if not isinstance(value, list) and not is_of_a_representation(name, metrics)
    }
    console.print_result(alone, as_json, title)
    if lines:
        click.echo()
        console.print_table([list(line.values()) for line in lines], list(lines[0]))
    if "robustness" in metrics:
        click.echo()
        keys = list(metrics["robustness"][0])
        rows = [list(line.values()) for line in metrics["robustness"]]
        console.print_table(rows, [key.replace("_", " ") for key in keys])


def _reading(options: dict[str, Any]) -> dict[str, Any]:
    """The options of `reading_options` that were given, for `zoo.datasets.load` and as JSON."""
    reading = {name: value for name, value in options.items() if value not in (None, ())}
    if "image_size" in reading:
        height, by, width = reading["image_size"].partition("x")
        if not (by and height.isdigit() and width.isdigit()):
            raise click.BadParameter(
                f"{reading['image_size']!r}: write HEIGHTxWIDTH, 64x64 say.",
                param_hint="--image-size",
            )
        reading["image_size"] = [int(height), int(width)]
    return reading


def _parse(options: tuple[str, ...]) -> dict[str, Any]:
    parsed = {}
    for option in options:
        name, equals, value = option.partition("=")
        if not equals:
            raise click.BadParameter(f"{option!r}: write NAME=VALUE.", param_hint="--option")
        try:
            parsed[name] = json.loads(value)
        except json.JSONDecodeError:
            parsed[name] = value
    return parsed
