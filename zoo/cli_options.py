"""Options of the command line that are read into something else."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from typing import Any

import click

READING = ("label", "text", "categorical", "drop", "image_size", "split")
# What `zoo.create` takes besides options, and where it comes from.
ELSEWHERE = {
    "name": "use --variant",
    "backbone": "use --backbone",
    "code_dim": "use --code-dim",
    "likelihood": "use --likelihood",
    "input_shape": "it is that of the data",
    "input_dtype": "it is that of the data",
    "preprocessing": "it is chosen by the data",
    "adapt": "the model is adapted to the data",
}


def reading_options(command: Callable) -> Callable:
    """Adds the options that say how a file is read; `read_reading` takes them."""
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


def read_reading(options: dict[str, Any]) -> dict[str, Any]:
    """The options of `reading_options` that were given, for `zoo.datasets.load` and as JSON."""
    reading = {name: options[name] for name in READING if options[name] not in (None, ())}
    if "image_size" in reading:
        height, by, width = reading["image_size"].partition("x")
        if not (by and height.isdigit() and width.isdigit()):
            raise click.BadParameter(
                f"{reading['image_size']!r}: write HEIGHTxWIDTH, 64x64 say.",
                param_hint="--image-size",
            )
        reading["image_size"] = [int(height), int(width)]
    return reading


def read_options(options: tuple[str, ...]) -> dict[str, Any]:
    """NAME=VALUE of each, VALUE as JSON, as a Python literal, or else as the text that it is."""
    parsed = {}
    for option in options:
        name, equals, value = option.partition("=")
        if not equals:
            raise click.BadParameter(f"{option!r}: write NAME=VALUE.", param_hint="--option")
        if name in ELSEWHERE:
            raise click.BadParameter(
                f"{name!r} is none of the variant or backbone: {ELSEWHERE[name]}.",
                param_hint="--option",
            )
        parsed[name] = _read_value(value)
    return parsed


def resume_options(config: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """The options that a run goes on with: its own, and where the data is now.

    Args:
        config: What the run was begun with.
        given: Options of `fit`, with `options` and `reading`; defaults do not count.

    Raises:
        click.UsageError: If one was given that says otherwise than the run's.
    """
    context = click.get_current_context()
    told = click.core.ParameterSource.COMMANDLINE
    explicit = {name for name in given if context.get_parameter_source(name) is told}
    own = config.get("options", {})
    other = [
        f"--option {name}={value}"
        for name, value in given["options"].items()
        # As JSON, which a list and a tuple look alike in.
        if json.dumps(own.get(name)) != json.dumps(value, default=str)
    ]
    reading = config.get("reading", {})
    for name in sorted(explicit - {"data", "data_dir", "options"}):
        ours, theirs = given[name], config.get(name)
        if name in READING:
            ours, theirs = given["reading"][name], reading.get(name)
        if json.dumps(ours) != json.dumps(theirs):
            shown = given[name] if isinstance(given[name], tuple) else [given[name]]
            other += [f"--{name.replace('_', '-')} {value}" for value in shown]
    if other:
        raise click.UsageError(
            f"a run goes on with the options that it was begun with: leave out {', '.join(other)}, "
            "or begin another with another --out."
        )
    # Whether it is the same data, its fingerprint tells.
    where = {name: given[name] for name in ("data", "data_dir") if name in explicit}
    return config | where


def _read_value(value: str) -> Any:
    for read in (json.loads, ast.literal_eval):
        try:
            return read(value)
        except (ValueError, SyntaxError):
            continue
    return value
