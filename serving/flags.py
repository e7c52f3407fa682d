"""The flags of `python -m serving up`: those of TF Serving, and what becomes of each."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import Any

import click

from serving.real_server import BINARY


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


_COUNT = click.IntRange(0)

FLAGS = (
    flag("host", "127.0.0.1", "Address to listen on; 0.0.0.0 for all."),
    flag("port", 8500, "gRPC port; 0 takes a free one.", type=click.IntRange(0, 65535)),
    flag("grpc_socket_path", None, "Listen on this Unix socket too, without TLS."),
    flag("grpc_channel_arguments", "", "gRPC's own settings: key=value,key=value."),
    flag(
        "rest_api_port",
        0,
        "REST port; 0 for none, -1 takes a free one.",
        type=click.IntRange(-1, 65535),
    ),
    flag("rest_api_timeout_in_ms", 30_000, "For an answer.", type=click.IntRange(1)),
    flag("rest_api_enable_cors_support", False, "Let pages of other sites call it.", type=bool),
    flag("model_name", "default", "Name of the model in --model_base_path."),
    flag("model_base_path", None, "Directory of one model's versions."),
    flag("model_config_file", None, "ModelServerConfig in text format."),
    flag("model_config_file_poll_wait_seconds", 0.0, "Read that again so often; 0 never."),
    flag("file_system_poll_wait_seconds", 1.0, "Look for versions so often; 0 once."),
    flag("max_num_load_retries", 5, "Tries after a version failed to load.", type=_COUNT),
    flag("load_retry_interval_micros", 60_000_000, "Wait between them.", type=_COUNT),
    flag("num_load_threads", 0, "Versions loaded at once; 0 for one.", type=_COUNT),
    flag("enable_model_warmup", True, "Run assets.extra's requests first.", type=bool),
    flag("num_request_iterations_for_warmup", 0, "So often; 0 for once.", type=_COUNT),
    flag(
        "allow_version_labels_for_unavailable_models",
        False,
        "Take labels of versions to come, unless they point elsewhere now.",
        type=bool,
    ),
    flag("saved_model_tags", "serve", "Comma separated."),
    flag("tensorflow_session_parallelism", 0, "Sets both of the next two."),
    flag("tensorflow_intra_op_parallelism", 0, "Cores for one operation; 0 for all."),
    flag("tensorflow_inter_op_parallelism", 0, "Models run at once; 0 for one a core."),
    flag("enable_batching", False, "Batch by TF Serving's rules.", type=bool),
    flag("batching_parameters_file", None, "BatchingParameters in text format."),
    flag(
        "enable_per_model_batching_parameters",
        False,
        "Take them from a version's batching_params.pbtxt; none for one without.",
        type=bool,
    ),
    flag("micro_batching", True, "Without those, batch where answers stay the same.", type=bool),
    flag("ssl_config_file", None, "SSLConfig in text format, with the PEM texts."),
    flag("monitoring_config_file", None, "MonitoringConfig in text format."),
    flag("enable_grpc_healthcheck_service", False, "Answer gRPC health checks.", type=bool),
    flag("enable_serialization_as_tensor_content", False, "Answer compactly.", type=bool),
    flag("version", False, "Print the version and exit.", type=bool),
)

# The embedded server takes these and does without; no answer changes by that.
UNUSED: dict[str, Any] = {
    "enable_profiler": bool,
    "enable_signature_method_name_check": bool,
    "flush_filesystem_caches": bool,
    "grpc_max_threads": int,
    "num_unload_threads": int,
    "per_process_gpu_memory_fraction": float,
    "remove_unused_fields_from_bundle_metagraph": bool,
    "rest_api_num_threads": int,
    "thread_pool_factory_config_file": str,
    "xla_cpu_compilation_enabled": bool,
}

# The embedded server would answer otherwise than these want; what to do instead.
REFUSED: dict[str, tuple[Any, str]] = {
    "mixed_precision": (str, "export the model with the dtypes that it is to run in"),
    "platform_config_file": (str, "give what is in it as flags"),
    "prefer_tflite_model": (bool, "it loads SavedModels only"),
    "tensorflow_session_config_file": (
        str,
        "give the threads as --tensorflow_intra_op_parallelism and"
        " --tensorflow_inter_op_parallelism",
    ),
    "use_alts_credentials": (bool, "give certificates as --ssl_config_file"),
}

_OTHERS = {**UNUSED, **{name: kind for name, (kind, _) in REFUSED.items()}}


def add_flags(command: click.Command) -> click.Command:
    """Adds all of them to a command; those that only the real server uses are not in its help."""
    others = [click.option(f"--{n}", type=kind, hidden=True) for n, kind in _OTHERS.items()]
    for add in (*FLAGS, *others):
        add(command)
    return command


def take_out_unused(flags: dict[str, Any]) -> list[str]:
    """Takes out of the flags those that the embedded server has no use for.

    Args:
        flags: By name.

    Returns:
        The names of those that the user gave and that make no difference.

    Raises:
        click.UsageError: One would make a difference.
    """
    for name, (_, instead) in REFUSED.items():
        if flags.pop(name):
            raise click.UsageError(f"the embedded server has no --{name}: {instead}")
    return [name for name in UNUSED if flags.pop(name) is not None]


def real_flags(flags: Mapping[str, Any], given: Collection[str]) -> dict[str, Any]:
    """What of the flags a real server gets: those that the user gave, in the forms that it takes.

    Args:
        flags: By name.
        given: Names of those on the command line.

    Raises:
        click.UsageError: One has a value that the real server does not take.
    """
    real = {name: flags[name] for name in given}
    real.pop("micro_batching", None)
    if (host := real.pop("host", "0.0.0.0")) != "0.0.0.0":
        raise click.UsageError(
            f"{BINARY} listens on all addresses and has no --host; {host} needs --engine embedded"
        )
    if (path := real.get("model_base_path")) and "://" not in path:
        real["model_base_path"] = os.path.abspath(path)
    for name, value in real.items():
        if name.endswith("_poll_wait_seconds"):
            if value != int(value):
                raise click.UsageError(f"{BINARY} takes whole seconds for --{name}, not {value}")
            real[name] = int(value)
    return real


def read_channel_arguments(text: str) -> list[tuple[str, int | str]]:
    """Reads `key=value,key=value`.

    Raises:
        click.UsageError: It is not of that form.
    """
    arguments: list[tuple[str, int | str]] = []
    for part in filter(None, text.split(",")):
        key, sign, value = part.partition("=")
        if not (key and sign):
            raise click.UsageError(
                f"--grpc_channel_arguments must be key=value,key=value. Received: {part}"
            )
        arguments.append((key, int(value) if value.lstrip("-").isdecimal() else value))
    return arguments
