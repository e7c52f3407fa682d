"""Command-line options by which every command finds its server and its model."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from serving.client import Client
from serving.tls import TLS

_OPTIONS = (
    click.option("--version", type=int, help="Version of the model; by default the newest."),
    click.option("--label", help="Or a label of a version, such as stable."),
    click.option("--timeout", default=30.0, show_default=True, help="Seconds for one call."),
    click.option("--tls", is_flag=True, help="Encrypt, trusting the system's certificates."),
    click.option("--ca", type=click.Path(), help="Encrypt, trusting this PEM file."),
    click.option("--certificate", type=click.Path(), help="The client's own, for mutual TLS."),
    click.option("--private-key", type=click.Path(), help="The key of --certificate."),
    click.option("--server-name", help="Name in the server's certificate, if not the address."),
)


def connection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds all options of a connection; passes `connect(server, model)`, which makes a `Client`."""

    @functools.wraps(command)
    def wrapped(
        version: int | None,
        label: str | None,
        timeout: float,
        tls: bool,
        ca: str | None,
        certificate: str | None,
        private_key: str | None,
        server_name: str | None,
        **others: Any,
    ) -> Any:
        credentials = None
        if tls or ca or certificate or private_key or server_name:
            credentials = TLS(ca, certificate, private_key, server_name)
        connect = functools.partial(
            Client, version=version, label=label, timeout=timeout, tls=credentials
        )
        return command(connect=connect, **others)

    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


def model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds MODEL, --server and the options of a connection; passes a `Client`."""

    @click.argument("model", metavar="MODEL")
    @click.option(
        "--server",
        default="127.0.0.1:8500",
        show_default=True,
        help="HOST:PORT of the model server.",
    )
    @connection_options
    @functools.wraps(command)
    def wrapped(model: str, server: str, connect: Callable[..., Client], **others: Any) -> Any:
        return command(client=connect(server, model), **others)

    return wrapped
