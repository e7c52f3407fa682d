"""`python -m serving replay`: the smoke test of a deployment."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import click

from console import json_option, print_table
from serving.client import Client
from serving.options import connection_options
from serving.replay import GOLDEN, read_golden, replay


@click.command(
    "replay",
    epilog="""\b
Examples:
  python -m serving replay localhost:8500 fashion --base models
  python -m serving replay localhost:8500 fashion --golden golden.tfrecord --json
  python -m serving replay models.example.org:8500 fashion --ca ca.pem \\
    --certificate client.pem --private-key client.key
""",
)
@click.argument("server", metavar="HOST:PORT")
@click.argument("model", metavar="NAME")
@click.option("--golden", type=click.Path(), help="TFRecord file of requests with answers.")
@click.option(
    "--base", type=click.Path(), help="Directory of NAME/VERSION/: use the version's own."
)
@click.option("--rtol", default=1e-3, show_default=True, help="Relative difference to accept.")
@click.option("--atol", default=1e-4, show_default=True, help="Absolute difference to accept.")
@click.option("--max-bits", default=0, show_default=True, help="Differing code bits to accept.")
@connection_options
@json_option
def replay_command(
    server: str,
    model: str,
    golden: str | None,
    base: str | None,
    rtol: float,
    atol: float,
    max_bits: int,
    connect: Callable[..., Client],
    as_json: bool,
) -> None:
    """Sends recorded requests to a server and compares its answers, signature by signature.

    Exits with 1 if any differs. Without --golden the file is taken from the served version's
    directory under --base, by default the current directory.
    """
    with connect(server, model) as client:
        folder = Path(base or ".", model)
        path = Path(golden) if golden else folder / str(client.version()) / GOLDEN
        if not path.is_file():
            raise FileNotFoundError(f"no recorded answers at {path}; give --golden or --base")
        verdicts = replay(client, read_golden(path), rtol, atol, max_bits)
    if not verdicts:
        raise ValueError(f"{path} holds no recorded requests")
    passed = all(verdict.passed for verdict in verdicts)
    if as_json:
        records = [asdict(verdict) | {"passed": verdict.passed} for verdict in verdicts]
        click.echo(json.dumps({"passed": passed, "signatures": records}, indent=2))
    else:
        print_table(
            [
                (
                    v.signature,
                    "pass" if v.passed else "FAIL",
                    v.requests,
                    v.rows,
                    v.max_error,
                    v.bits,
                    v.problem,
                )
                for v in verdicts
            ],
            ("signature", "result", "requests", "rows", "max error", "bits", "problem"),
        )
    if not passed:
        raise SystemExit(1)
