"""The command line of the zoo: list, data, fit, evaluate, report, compare."""

from __future__ import annotations

import json
import pathlib
import shlex
from typing import Any

import click

import console
from zoo.cli_measure import measure_run, print_metrics
from zoo.cli_options import (
    READING,
    read_options,
    read_reading,
    reading_options,
    resume_options,
)

run_argument = click.argument("run", type=click.Path(path_type=pathlib.Path))
data_dir_option = click.option(
    "--data-dir",
    envvar="AEZOO_DATA_DIR",
    type=click.Path(file_okay=False),
    help="Folder with NAME.npz files, searched before anything is downloaded.",
)


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

    if out.suffix != ".npz":
        raise click.BadParameter(f"{out}: an archive is named NAME.npz.", param_hint="--out")
    dataset = zoo.datasets.load(data, data_dir, **read_reading(reading))
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
    help="Passes in all; by default about 4,000 steps, with neighbours 500.",
)
@click.option(
    "--neighbours",
    type=int,
    help="Rows that the code of each is taught to be near to; semantic-hash: 30, 0 for none.",
)
@click.option(
    "--pretrain-epochs",
    type=int,
    help="Train each layer by itself first, for so many passes (dense and text backbones).",
)
@click.option("--batch-size", default=128, show_default=True, help="Rows of a step.")
@click.option("--learning-rate", default=1e-3, show_default=True, help="Adam's learning rate.")
@click.option("--seed", default=0, show_default=True, help="Seed of weights, order and noise.")
@click.option(
    "--option",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    help="An option of the variant or backbone, as JSON: noise=2, hidden=[256], tied=true.",
)
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=pathlib.Path, file_okay=False),
    help="The run folder.",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Go on with the run in --out, with its options; --epochs is the total.",
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
    from zoo.training import DivergedError, Run, fit_run

    run = Run(out)
    given = {**config, "options": read_options(options), "reading": read_reading(config)}
    if resume:
        config = resume_options(run.read_config(), given)
        done = len(run.read_history())
        if epochs is not None and epochs <= done:
            click.echo(f"{out} has {done} epochs already: --epochs is the total.", err=True)
        config["epochs"] = config["epochs"] if epochs is None else epochs
    elif run.model_file.exists():
        raise click.UsageError(f"{out} holds a run already: add --resume or choose another --out.")
    else:
        config = {name: value for name, value in given.items() if name not in READING}
        config["epochs"] = epochs
    try:
        model = fit_run(run, config)
    except DivergedError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        raise click.ClickException(
            f"interrupted: python -m zoo fit --resume --out {shlex.quote(str(out))} goes on."
        ) from None
    metrics = measure_run(run, model)
    print_metrics({"run": str(out), **metrics}, as_json)
    if not as_json:
        click.echo(f"\nreport: {out / 'report.html'}")


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
    metrics = measure_run(folder, folder.load_model(), data_dir, outliers, full)
    print_metrics(metrics, as_json, title=str(run))
    if not as_json:
        click.echo(f"\nreport: {run / 'report.html'}")


@cli.command(epilog="\b\nExample:\n  python -m zoo report runs/digits")
@run_argument
@data_dir_option
@outliers_option
@full_option
def report(run: pathlib.Path, data_dir: str | None, outliers: str | None, full: bool) -> None:
    """Measure anew as `evaluate` does, and print where the page is."""
    from zoo.training import Run

    folder = Run(run)
    measure_run(folder, folder.load_model(), data_dir, outliers, full)
    click.echo(folder.folder / "report.html")


@cli.command(
    epilog="""\b
Examples:
  python -m zoo compare runs/a runs/b
  python -m zoo compare runs/digits* --out compare.html"""
)
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=pathlib.Path))
@click.option(
    "--out",
    type=click.Path(path_type=pathlib.Path),
    help="Write a page here too, its figures beside it.",
)
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
