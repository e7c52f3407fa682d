"""Runs a real `tensorflow_model_server` in place of the embedded one."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from serving.client import Client
from serving.errors import ServerUnavailable, ServingError

BINARY = "tensorflow_model_server"
_START_SECONDS = 300.0
# Flags that only the embedded server knows.
_OURS = ("host", "micro_batching")


def find_binary() -> str | None:
    """Returns the path of the server's binary; None if there is none on PATH."""
    return shutil.which(BINARY)


def run(
    binary: str,
    models: Mapping[str, str],
    flags: Mapping[str, Any],
    tell: Callable[[int, int, dict[str, list[int]]], None],
) -> None:
    """Runs the server until it is interrupted.

    Args:
        binary: Its path.
        models: Name to base path; a configuration file is written for them.
        flags: TF Serving's flags by name; `port` 0 takes a free one.
        tell: Called once the models are ready, with port, process id and versions by model.

    Raises:
        ServingError: The server ended by itself.
    """
    given = {name: value for name, value in flags.items() if name not in _OURS}
    given["port"] = given["port"] or _free_port()
    with tempfile.TemporaryDirectory() as folder:
        if models:
            config = Path(folder) / "models.config"
            config.write_text(_config(models))
            given["model_config_file"] = str(config)
        process = subprocess.Popen([binary, *_arguments(given)], stdout=subprocess.DEVNULL)

        def stop(*_: object) -> None:
            stopped.append(True)
            process.terminate()

        stopped: list[bool] = []
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        try:
            names = list(models) or [given["model_name"]]
            versions = {name: _versions(process, given["port"], name) for name in names}
            tell(given["port"], process.pid, versions)
            process.wait()
        finally:
            process.terminate()
            process.wait()
        if not stopped:
            raise ServingError(f"{BINARY} ended with exit code {process.returncode}")


def _versions(process: subprocess.Popen[bytes], port: int, name: str) -> list[int]:
    with Client(f"127.0.0.1:{port}", name, retry=False) as client:
        waited = 0.0
        while waited < _START_SECONDS:
            if process.poll() is not None:
                raise ServingError(f"{BINARY} ended with exit code {process.returncode}")
            try:
                client.wait_until_ready(timeout=1.0)
                break
            except (ServerUnavailable, TimeoutError):
                waited += 1.0
        return [entry.version for entry in client.status() if entry.state == "AVAILABLE"]


def _arguments(flags: Mapping[str, Any]) -> list[str]:
    return [
        f"--{name}={str(value).lower() if isinstance(value, bool) else value}"
        for name, value in flags.items()
        if value is not None
    ]


def _config(models: Mapping[str, str]) -> str:
    entries = "".join(
        f'  config {{ name: "{name}" base_path: "{os.path.abspath(path)}"'
        ' model_platform: "tensorflow" }\n'
        for name, path in models.items()
    )
    return f"model_config_list {{\n{entries}}}\n"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]
