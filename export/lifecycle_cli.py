"""The commands on versions that are there: rollback, prune, serving-config, deploy."""

from __future__ import annotations

import re
from pathlib import Path

import click

import console
from export import lifecycle, versions


@click.command(
    epilog="""\b
Examples:
  python -m export rollback models --name digits
  python -m export rollback models --name digits --to 3 --config models.config"""
)
@click.argument("base", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="The model's name under BASE.")
@click.option("--to", type=int, help="Version to go back to; the one before the newest if omitted.")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="A models.config; versions that it names stay.",
)
@console.json_option
def rollback(base: Path, name: str, to: int | None, config: Path | None, as_json: bool) -> None:
    """Set the newest versions aside, so that servers go back to an earlier one."""
    target, retired = lifecycle.rollback(base, name, to, _named(config, name))
    console.print_result({"serving": target, "retired": retired}, as_json, title="Rolled back")


@click.command(
    epilog="""\b
Examples:
  python -m export prune models --name digits --keep 3
  python -m export prune models --name digits --keep 1 --config models.config --json"""
)
@click.argument("base", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="The model's name under BASE.")
@click.option("--keep", required=True, type=int, help="How many of the newest versions stay.")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="A models.config; versions that a policy or label in it names stay.",
)
@console.json_option
def prune(base: Path, name: str, keep: int, config: Path | None, as_json: bool) -> None:
    """Remove all but the newest versions."""
    removed = lifecycle.prune(base, name, keep, _named(config, name))
    present = list(versions.list_versions(base / name))
    console.print_result({"removed": removed, "present": present}, as_json, title="Pruned")


@click.command(
    "serving-config",
    epilog="""\b
Examples:
  python -m export serving-config models --out config
  python -m export serving-config models --out config --base-path /models \\
      --label digits:stable=3 --label digits:canary=4
A running server takes labels only for versions it has loaded: reload models.load.config first,
then models.config. At start, give --allow_version_labels_for_unavailable_models=true.""",
)
@click.argument("base", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write to.")
@click.option("--base-path", help="BASE as the server sees it: /models, gs://bucket/models.")
@click.option("--label", "labels", multiple=True, help="MODEL:LABEL=VERSION; may be repeated.")
@click.option("--threads", type=click.IntRange(min=1), default=2, help="The server's CPU cores.")
@console.json_option
def serving_config_command(
    base: Path,
    out: Path,
    base_path: str | None,
    labels: tuple[str, ...],
    threads: int,
    as_json: bool,
) -> None:
    """Write TF Serving's models, batching and monitoring configuration for BASE."""
    from export import serving_config

    files = serving_config.write(base, out, _labels(labels), base_path, threads)
    written = [str(file) for file in files]
    console.print_result({"files": written if as_json else " ".join(written)}, as_json)


@click.command(
    "deploy",
    epilog="""\b
Examples:
  python -m export deploy models --out deploy --image REGISTRY/tensorflow-serving:TAG
  python -m export deploy models --out deploy --image REGISTRY/tensorflow-serving:TAG \\
      --bucket gs://bucket/models --label digits:stable=3""",
)
@click.argument("base", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write to.")
@click.option("--image", required=True, help="TF Serving's container image, with its tag.")
@click.option("--bucket", help="For Kubernetes: BASE in an object store instead of a volume.")
@click.option("--label", "labels", multiple=True, help="MODEL:LABEL=VERSION; may be repeated.")
@click.option("--replicas", type=click.IntRange(min=1), default=2, show_default=True)
@click.option("--max-replicas", type=click.IntRange(min=1), default=8, show_default=True)
@click.option("--cpus", type=click.IntRange(min=1), default=2, help="CPU cores a pod.")
@console.json_option
def deploy_command(
    base: Path,
    out: Path,
    image: str,
    bucket: str | None,
    labels: tuple[str, ...],
    replicas: int,
    max_replicas: int,
    cpus: int,
    as_json: bool,
) -> None:
    """Write a compose file and Kubernetes manifests that serve the models under BASE."""
    from export import deploy

    files = deploy.write(base, out, image, _labels(labels), bucket, replicas, max_replicas, cpus)
    written = [str(file) for file in files]
    console.print_result({"files": written if as_json else " ".join(written)}, as_json)


def _named(config: Path | None, name: str) -> set[int]:
    if config is None:
        return set()
    from export.serving_config import named_versions

    return named_versions(config, name)


def _labels(options: tuple[str, ...]) -> dict[str, dict[str, int]]:
    labels: dict[str, dict[str, int]] = {}
    for option in options:
        match = re.fullmatch(r"([^:]+):([^=]+)=([0-9]+)", option)
        if not match:
            raise ValueError(
                f"--label must be MODEL:LABEL=VERSION, like digits:stable=3. Received: {option}"
            )
        labels.setdefault(match[1], {})[match[2]] = int(match[3])
    return labels
