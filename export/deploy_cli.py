"""The commands that write what a server is run with: serving-config, deploy."""

from __future__ import annotations

import re
from pathlib import Path

import click

import console


@click.command(
    "serving-config",
    epilog="""\b
Examples:
  python -m export serving-config models --out config
  python -m export serving-config models --out config --base-path /models \\
      --label digits:stable=3 --label digits:canary=4
  python -m export serving-config models --out config --tuning tuned
A running server takes labels only for versions it has loaded: reload models.load.config first,
then models.config. At start, give --allow_version_labels_for_unavailable_models=true.""",
)
@click.argument("base", type=click.Path(path_type=Path))
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to write to.",
)
@click.option("--base-path", help="BASE as the server sees it: /models, gs://bucket/models.")
@click.option("--label", "labels", multiple=True, help="MODEL:LABEL=VERSION; may be repeated.")
@click.option("--threads", type=click.IntRange(min=1), default=2, help="The server's CPU cores.")
@click.option(
    "--tuning",
    type=click.Path(path_type=Path),
    help="Folder of python -m benchmarks.serving --tune: take its batching parameters and flags.",
)
@console.json_option
def serving_config_command(
    base: Path,
    out: Path,
    base_path: str | None,
    labels: tuple[str, ...],
    threads: int,
    tuning: Path | None,
    as_json: bool,
) -> None:
    """Write TF Serving's models, batching and monitoring configuration for BASE."""
    from export import serving_config

    files = serving_config.write(base, out, _labels(labels), base_path, threads, tuning)
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
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to write to.",
)
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
