"""`python -m serving up`: starts a model server, with TF Serving's flags."""

from __future__ import annotations

import json
import logging
import os
import subprocess
from typing import Any

import click
from click.core import ParameterSource

import console
from serving.flags import (
    FlagCommand,
    add_flags,
    read_channel_arguments,
    real_flags,
    take_out_unused,
)
from serving.interrupts import exit_at_once, on_interrupt, sleep_until
from serving.listening import check_port, check_socket_path, join
from serving.real_server import BINARY, find_binary, run
from serving.versions import find_models, find_versions

log = logging.getLogger("serving")


@click.command(
    cls=FlagCommand,
    epilog="""\b
Examples:
  python -m serving up models                      # every model under models/NAME/VERSION
  python -m serving up models/fashion --port 8500 --rest_api_port 8501
  python -m serving up models --port 0 --json      # any free port, told as JSON
  python -m serving up models --engine onnxruntime -v   # says what TensorFlow still answers
  python -m serving up --model_name=fashion --model_base_path=/models/fashion --port=8500
""",
)
@click.argument("bases", metavar="[BASE]...", nargs=-1, type=click.Path())
@click.option(
    "--engine",
    type=click.Choice(["embedded", "onnxruntime", "auto", BINARY]),
    default="embedded",
    show_default=True,
    help=f"onnxruntime: embedded, quicker for versions published with --onnx. auto: {BINARY} from"
    " PATH if there is one, else embedded; not the default, because it listens on all addresses"
    " and has no flag against that.",
)
@click.option("--verbose", "-v", is_flag=True, help="Log loading and unloading to stderr.")
@click.option("--structured_logs", is_flag=True, help="Log as one JSON object a line.")
@click.option("--json", "as_json", is_flag=True, help="Print the ready line as JSON.")
@click.pass_context
def up(
    ctx: click.Context,
    bases: tuple[str, ...],
    engine: str,
    verbose: bool,
    structured_logs: bool,
    as_json: bool,
    **flags: Any,
) -> None:
    """Serves SavedModels over TF Serving's APIs until it is interrupted.

    BASE holds NAME/VERSION/ directories, or is one model's directory itself. Prints one line
    when ready. New versions are taken up as they appear. Flags have TF Serving's names.
    """
    binary = find_binary() if engine in ("auto", BINARY) else None
    if binary:
        if flags["version"]:
            ctx.exit(subprocess.run([binary, "--version"]).returncode)
        source = ctx.get_parameter_source
        given = {name for name in flags if source(name) is ParameterSource.COMMANDLINE}
        _run_binary(binary, bases, real_flags(flags, given), as_json)
        return
    if engine == BINARY:
        raise click.ClickException(f"no {BINARY} on PATH; --engine embedded needs none")
    if flags.pop("version"):
        click.echo(_version())
        return
    unused = take_out_unused(flags)
    onnxruntime = engine == "onnxruntime"
    _log_to_stderr(
        logging.INFO
        if verbose or structured_logs
        else (logging.WARNING if onnxruntime else logging.CRITICAL),
        structured_logs,
    )
    _warn_of(unused, flags, structured_logs)
    served = {name: path for base in bases for name, path in find_models(base).items()}
    _check_listening(flags)
    _set_parallelism(flags)
    with on_interrupt(exit_at_once) as on_next_interrupt:
        with console.quiet_start():
            from serving import server as embedded

            if onnxruntime:
                embedded.check_onnxruntime()
            embedded.keep_freed_memory()
            embedded.start_tensorflow(flags["tensorflow_intra_op_parallelism"])
        try:
            running = embedded.EmbeddedServer(
                _models(embedded, served, flags), _options(embedded, flags, onnxruntime)
            ).start()
        except embedded.StatusError as error:
            raise click.ClickException(" ".join(error.message.split())) from error
        stopped: list[int] = []
        on_next_interrupt(lambda number, _: stopped.append(number))
        _tell_ready(
            running.options.host,
            running.port,
            running.rest_port,
            running.manager.summary(),
            os.getpid(),
            as_json,
        )
        sleep_until(lambda: bool(stopped))
        running.stop()


add_flags(up)


def _models(embedded: Any, served: dict[str, str], flags: dict[str, Any]) -> list[Any]:
    """Those beside the models of --model_config_file."""
    models = []
    if path := flags["model_base_path"]:
        if not find_versions(path):
            find_models(path)  # says what is missing
            raise ValueError(
                f"--model_base_path {path} holds models, not versions; pass it as BASE"
            )
        models.append(embedded.ModelConfig(flags["model_name"], os.path.abspath(path)))
    models += [embedded.ModelConfig(name, path) for name, path in served.items()]
    if not models and not flags["model_config_file"]:
        raise click.UsageError("give a BASE directory, --model_base_path or --model_config_file")
    return models


def _set_parallelism(flags: dict[str, Any]) -> None:
    both = flags.pop("tensorflow_session_parallelism")
    names = ("tensorflow_intra_op_parallelism", "tensorflow_inter_op_parallelism")
    if both and any(flags[name] for name in names):
        raise click.UsageError(
            "give --tensorflow_session_parallelism, or the two of intra_op and inter_op"
        )
    for name in names:
        flags[name] = flags[name] or both
        if flags[name] < 0:
            raise click.UsageError(f"--{name} must be 0 or more. Received: {flags[name]}")


def _options(embedded: Any, flags: dict[str, Any], onnxruntime: bool) -> Any:
    known: dict[str, Any] = {**flags, "onnxruntime": onnxruntime}
    for name in ("model_name", "model_base_path"):
        known.pop(name)
    batching = known.pop("enable_batching")
    parameters = known.pop("batching_parameters_file")
    tls, monitoring = known.pop("ssl_config_file"), known.pop("monitoring_config_file")
    if parameters and not batching:
        raise click.UsageError("--batching_parameters_file needs --enable_batching")
    if batching:
        known["batching"] = (
            embedded.load_batching(parameters) if parameters else embedded.BatchRules()
        )
    if tls:
        known["credentials"] = embedded.load_tls(tls)
    if monitoring:
        known["metrics_path"] = embedded.load_monitoring(monitoring)
    rest = known.pop("rest_api_port")
    known["rest_api_port"] = None if rest == 0 else max(rest, 0)
    known["saved_model_tags"] = tuple(known["saved_model_tags"].split(","))
    return embedded.ServerOptions(**known)


def _run_binary(binary: str, bases: tuple[str, ...], flags: dict[str, Any], as_json: bool) -> None:
    models = {name: path for base in bases for name, path in find_models(base).items()}
    if sum(map(bool, (models, flags.get("model_base_path"), flags.get("model_config_file")))) != 1:
        raise click.UsageError(
            f"{BINARY} takes a BASE, --model_base_path or --model_config_file: one of them"
        )

    def tell(port: int, rest: int | None, pid: int, versions: dict[str, list[int]]) -> None:
        _tell_ready("0.0.0.0", port, rest, versions, pid, as_json)

    try:
        run(binary, models, flags, tell)
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _version() -> str:
    with console.quiet_start():
        import tensorflow as tf

    return f"embedded model server on TensorFlow {tf.__version__}"


def _warn_of(unused: list[str], flags: dict[str, Any], structured: bool) -> None:
    warnings = []
    if unused:
        warnings.append(f"the embedded server does not use {', '.join('--' + n for n in unused)}")
    if flags["grpc_socket_path"] and flags["ssl_config_file"]:
        warnings.append(
            "--grpc_socket_path answers without TLS and certificates: the permissions of its"
            " directory say who may ask"
        )
    for warning in warnings:
        if structured:
            log.warning(warning)
        else:
            click.echo(f"warning: {warning}", err=True)


def _check_listening(flags: dict[str, Any]) -> None:
    """Finds out what is wrong with addresses before the models take their time."""
    host = flags["host"] = flags["host"].strip("[]")
    flags["grpc_channel_arguments"] = read_channel_arguments(flags["grpc_channel_arguments"])
    port, rest = flags["port"], flags["rest_api_port"]
    if port and port == rest:
        raise click.UsageError(f"--port and --rest_api_port must differ. Received: {port} for both")
    check_port(host, port)
    check_port(host, max(rest, 0), "rest_api_port")
    if flags["grpc_socket_path"]:
        check_socket_path(flags["grpc_socket_path"])


def _tell_ready(
    host: str,
    port: int,
    rest_port: int | None,
    models: dict[str, list[int]],
    pid: int,
    as_json: bool,
) -> None:
    if as_json:
        ready = {
            "event": "ready",
            "host": host,
            "port": port,
            "rest_port": rest_port,
            "models": models,
            "pid": pid,
        }
        click.echo(json.dumps(ready))
    else:
        names = ", ".join(f"{name} {versions}" for name, versions in models.items())
        click.echo(f"ready: {join(host, port)} serves {names}; stop with Ctrl-C")


def _log_to_stderr(level: int, structured: bool) -> None:
    handler = logging.StreamHandler()
    plain = "%(asctime)s %(levelname)s %(message)s"
    handler.setFormatter(_JsonLines() if structured else logging.Formatter(plain))
    logger = logging.getLogger("serving")
    logger.addHandler(handler)
    logger.setLevel(level)


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(
            {
                "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
                "level": record.levelname,
                "message": record.getMessage(),
            }
        )
