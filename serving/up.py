"""`python -m serving up`: starts a model server, with TF Serving's flags."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import threading
from typing import Any

import click

import console
from serving.real_server import BINARY, find_binary, run
from serving.versions import find_models, find_versions


class FlagCommand(click.Command):
    """Takes switches as TF Serving does: `--flag`, `--flag=true`, `--flag=false`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Gives bare switches the value that they mean."""
        switches = {f"--{option.name}" for option in self.params if option.type is click.BOOL} - {
            "--as_json"
        }
        full = [f"{arg}=true" if arg in switches else arg for arg in args]
        return super().parse_args(ctx, full)


def flag(name: str, default: Any, help: str, **attributes: Any) -> Any:
    """An option under the name of TF Serving's flag."""
    return click.option(f"--{name}", default=default, show_default=True, help=help, **attributes)


FLAGS = (
    flag("host", "127.0.0.1", "Address to listen on; 0.0.0.0 for all."),
    flag("port", 8500, "gRPC port; 0 takes a free one.", type=click.IntRange(0, 65535)),
    flag("grpc_socket_path", None, "Listen on this Unix socket too."),
    flag("rest_api_port", 0, "REST port; 0 for none, -1 takes a free one."),
    flag("model_name", "default", "Name of the model in --model_base_path."),
    flag("model_base_path", None, "Directory of one model's versions."),
    flag("model_config_file", None, "ModelServerConfig in text format."),
    flag("model_config_file_poll_wait_seconds", 0.0, "Read that again so often; 0 never."),
    flag("file_system_poll_wait_seconds", 1.0, "Look for versions so often; 0 once."),
    flag("max_num_load_retries", 5, "Tries after a version failed to load."),
    flag("load_retry_interval_micros", 60_000_000, "Wait between them."),
    flag("enable_model_warmup", True, "Run assets.extra's requests first.", type=bool),
    flag("allow_version_labels_for_unavailable_models", False, "", type=bool),
    flag("saved_model_tags", "serve", "Comma separated."),
    flag(
        "grpc_max_threads", None, f"Passed to {BINARY}; the embedded server needs none.", type=int
    ),
    flag("tensorflow_session_parallelism", 0, "Sets both of the next two."),
    flag("tensorflow_intra_op_parallelism", 0, "Cores for one operation; 0 for all."),
    flag("tensorflow_inter_op_parallelism", 0, "Models run at once; 0 for one a core."),
    flag("enable_batching", False, "Batch by TF Serving's rules.", type=bool),
    flag("batching_parameters_file", None, "BatchingParameters in text format."),
    flag("micro_batching", True, "Without those, batch where answers stay the same.", type=bool),
    flag("ssl_config_file", None, "SSLConfig in text format, with the PEM texts."),
    flag("monitoring_config_file", None, "MonitoringConfig in text format."),
    flag("enable_grpc_healthcheck_service", False, "Answer gRPC health checks.", type=bool),
    flag("enable_serialization_as_tensor_content", False, "Answer compactly.", type=bool),
)


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
def up(
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
        _run_binary(binary, bases, flags, as_json)
        return
    if engine == BINARY:
        raise click.ClickException(f"no {BINARY} on PATH; --engine embedded needs none")
    served = {name: path for base in bases for name, path in find_models(base).items()}
    _check_port(flags["host"], flags["port"])
    _set_parallelism(flags)
    onnxruntime = engine == "onnxruntime"
    _log_to_stderr(
        logging.INFO
        if verbose or structured_logs
        else (logging.WARNING if onnxruntime else logging.CRITICAL),
        structured_logs,
    )
    with console.quiet_start():
        from serving import server as embedded

        if onnxruntime:
            embedded.check_onnxruntime()
        embedded.keep_freed_memory()
        embedded.start_tensorflow(flags["tensorflow_intra_op_parallelism"])
    try:
        running = embedded.EmbeddedServer(
            _models(embedded, served, flags), _options(embedded, flags, onnxruntime)
        )
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        running.start()
    except embedded.StatusError as error:
        raise click.ClickException(" ".join(error.message.split())) from error
    _tell_ready(
        running.options.host,
        running.port,
        running.rest_port,
        running.manager.summary(),
        os.getpid(),
        as_json,
    )
    stopping.wait()
    running.stop()


for _flag in reversed(FLAGS):
    _flag(up)


def _models(embedded: Any, served: dict[str, str], flags: dict[str, Any]) -> list[Any]:
    models = []
    if flags["model_config_file"]:
        models += embedded.load_models_config(flags["model_config_file"])
    if path := flags["model_base_path"]:
        if not find_versions(path):
            find_models(path)  # says what is missing
            raise ValueError(
                f"--model_base_path {path} holds models, not versions; pass it as BASE"
            )
        models.append(embedded.ModelConfig(flags["model_name"], os.path.abspath(path)))
    models += [embedded.ModelConfig(name, path) for name, path in served.items()]
    if not models:
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
    for name in ("model_name", "model_base_path", "grpc_max_threads"):
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
    if models and (flags["model_config_file"] or flags["model_base_path"]):
        raise click.UsageError(f"{BINARY} takes a BASE, --model_base_path or --model_config_file")
    if not models and not flags["model_base_path"]:
        raise click.UsageError(f"give {BINARY} a BASE or --model_base_path")

    def tell(port: int, pid: int, versions: dict[str, list[int]]) -> None:
        rest = flags["rest_api_port"] or None
        _tell_ready("0.0.0.0", port, rest, versions, pid, as_json)

    run(binary, models, flags, tell)


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
        click.echo(f"ready: {host}:{port} serves {names}; stop with Ctrl-C")


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
