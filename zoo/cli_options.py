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


def _read_value(value: str) -> Any:
    for read in (json.loads, ast.literal_eval):
        try:
            return read(value)
        except (ValueError, SyntaxError):
            continue
    return value
