"""Measures a run: metrics.json, the page with its figures, TensorBoard logs; and prints them."""

from __future__ import annotations

from typing import Any

import click

import console


def measure_run(
    run: Any,
    model: Any,
    data_dir: str | None = None,
    outliers: str | None = None,
    full: bool = False,
) -> dict[str, Any]:
    """Measures a model on its run's data, and writes what was found into the run's folder.

    Args:
        run: The `Run`.
        model: Its model.
        data_dir: Where data sets are searched; the run's own folder of them if omitted.
        outliers: Labels or a data set that anomalies are told from.
        full: Use all rows, measure times.
    """
    import rich.console

    import zoo.datasets
    import zoo.evaluation
    from zoo.evaluation import tensorboard
    from zoo.evaluation.anomalies import find_outliers
    from zoo.evaluation.report import build_report

    config = run.read_config()
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


def print_metrics(metrics: dict[str, Any], as_json: bool, title: str | None = None) -> None:
    """Prints metrics: those alone, those side by side, and robustness."""
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
