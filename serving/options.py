"""Command-line options by which every command finds its model."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from serving.channel import TLS
from serving.client import Client


def model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds MODEL, --server, --version, --label, --timeout and --tls; passes a `Client`."""

    @click.argument("model", metavar="MODEL")
    @click.option(
        "--server",
        default="127.0.0.1:8500",
        show_default=True,
        help="HOST:PORT of the model server.",
    )
    @click.option("--version", type=int, help="Version of the model; by default the newest.")
    @click.option("--label", help="Or a label of a version, such as stable.")
    @click.option("--timeout", default=30.0, show_default=True, help="Seconds for one call.")
    @click.option("--tls", is_flag=True, help="Encrypt, trusting the system's certificates.")
    @click.option("--ca", type=click.Path(), help="Encrypt, trusting this PEM file.")
    @functools.wraps(command)
    def wrapped(
        model: str,
        server: str,
        version: int | None,
        label: str | None,
        timeout: float,
        tls: bool,
        ca: str | None,
        **others: Any,
    ) -> Any:
        client = Client(
            server,
            model,
            version=version,
            label=label,
            timeout=timeout,
            tls=TLS(ca=ca) if tls or ca else None,
        )
        return command(client=client, **others)

    return wrapped
