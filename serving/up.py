"""`python -m serving up`: starts a model server, with TF Serving's flags."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from typing import Any

import click

from serving.quiet import quiet_start

BOOLEANS = (
    "enable_serialization_as_tensor_content",
    "allow_version_labels_for_unavailable_models",
    "micro_batching",
)


class FlagCommand(click.Command):
    """Takes switches as TF Serving does: `--flag`, `--flag=true`, `--flag=false`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Gives bare switches the value that they mean."""
        full = [f"{arg}=true" if arg.lstrip("-") in BOOLEANS else arg for arg in args]
        return super().parse_args(ctx, full)


@click.command(
    cls=FlagCommand,
    epilog="""\b
Examples:
  python -m serving up models                      # every model under models/NAME/VERSION
  python -m serving up models/fashion --port 8500
  python -m serving up models --port 0 --json      # any free port, told as JSON
  python -m serving up --model_name=fashion --model_base_path=/models/fashion --port=8500
""",
)
@click.argument("bases", metavar="[BASE]...", nargs=-1, type=click.Path())
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=8500, show_default=True, type=click.IntRange(0, 65535), help="0: any free."
)
@click.option("--model_name", default="default", show_default=True, help="With --model_base_path.")
@click.option("--model_base_path", type=click.Path(), help="Directory of one model's versions.")
@click.option("--model_config_file", type=click.Path(), help="ModelServerConfig in text format.")
@click.option("--file_system_poll_wait_seconds", default=1.0, show_default=True)
@click.option("--max_num_load_retries", default=5, show_default=True)
@click.option("--load_retry_interval_micros", default=60_000_000, show_default=True)
@click.option("--saved_model_tags", default="serve", show_default=True, help="Comma separated.")
@click.option(
    "--enable_serialization_as_tensor_content",
    type=bool,
    default=False,
    help="Answer in tensor_content.",
)
@click.option("--allow_version_labels_for_unavailable_models", type=bool, default=False)
@click.option(
    "--micro_batching",
    type=bool,
    default=True,
    show_default=True,
    help="Run small requests that come together as one batch.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the ready line as JSON.")
def up(
    bases: tuple[str, ...],
    model_name: str,
    model_base_path: str | None,
    model_config_file: str | None,
    saved_model_tags: str,
    as_json: bool,
    **flags: Any,
) -> None:
    """Serves SavedModels over TF Serving's gRPC API until it is interrupted.

    BASE holds NAME/VERSION/ directories, or is one model's directory itself. Prints one line
    when ready. New versions are taken up as they appear.
    """
    _check_port(flags["host"], flags["port"])
    with quiet_start():
        from serving.server import (
            EmbeddedServer,
            ModelConfig,
            ServerOptions,
            StatusError,
            find_models,
            load_models_config,
            start_tensorflow,
        )

        start_tensorflow()

    models: list[ModelConfig] = []
    try:
        if model_config_file:
            models += load_models_config(model_config_file)
        if model_base_path:
            models.append(ModelConfig(model_name, os.path.abspath(model_base_path)))
            find_models(model_base_path)
        for base in bases:
            models += [ModelConfig(name, path) for name, path in find_models(base).items()]
        if not models:
            raise click.UsageError(
                "give a BASE directory, --model_base_path or --model_config_file"
            )
        options = ServerOptions(saved_model_tags=tuple(saved_model_tags.split(",")), **flags)
        server = EmbeddedServer(models, options)
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        server.start()
    except StatusError as error:
        raise click.ClickException(" ".join(error.message.split())) from error
    ready = {
        "event": "ready",
        "host": server.options.host,
        "port": server.port,
        "models": server.manager.summary(),
        "pid": os.getpid(),
    }
    if as_json:
        click.echo(json.dumps(ready))
    else:
        names = ", ".join(f"{n} {v}" for n, v in server.manager.summary().items())
        click.echo(f"ready: {server.address} serves {names}; stop with Ctrl-C")
    stopping.wait()
    server.stop()


def _check_port(host: str, port: int) -> None:
    """Finds out that a port is taken before TensorFlow and the models take their time."""
    try:
        with socket.create_server((host, port)):
            pass
    except OSError as error:
        raise OSError(
            f"cannot listen on {host} port {port}: {error.strerror or error};"
            " choose another with --port, or --port 0 for any free one"
        ) from error
