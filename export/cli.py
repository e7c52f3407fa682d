"""`python -m export`: encoders as versions for TensorFlow Serving, from publishing to pruning."""

from __future__ import annotations

import logging
import os

import click

import console
from export import convert_cli, deploy_cli, publish_cli, versions_cli
from export.errors import ExportError

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


for command in (
    publish_cli.publish_command,
    convert_cli.convert,
    versions_cli.list_command,
    versions_cli.verify,
    versions_cli.rollback,
    versions_cli.prune,
    deploy_cli.serving_config_command,
    deploy_cli.deploy_command,
):
    main.add_command(command)
