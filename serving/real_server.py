"""Runs a real `tensorflow_model_server` in place of the embedded one."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from google.protobuf import text_format

from serving.client import Client
from serving.errors import ServingError
from serving.interrupts import on_interrupt, sleep_until
from serving.listening import check_port, free_port
from serving.wire.messages import ModelServerConfig

BINARY = "tensorflow_model_server"
_START_SECONDS = 300.0
_KILL_SECONDS = 30.0  # after being told to end


def find_binary() -> str | None:
    """Returns the path of the server's binary; None if there is none on PATH."""
    return shutil.which(BINARY)


def run(
    binary: str,
    models: Mapping[str, str],
    flags: Mapping[str, Any],
    tell: Callable[[int, int | None, int, dict[str, list[int]]], None],
) -> None:
    """Runs the server until it is interrupted.

    Args:
        binary: Its path.
        models: Name to base path; a configuration file is written for them.
        flags: TF Serving's flags by name; `port` 0 and `rest_api_port` -1 take free ones.
        tell: Called once the models are ready, with port, REST port, process id, and versions
            by model.

    Raises:
        ServingError: The server ended by itself, or does not start.
        KeyboardInterrupt: It was interrupted before the models were ready.
    """
    given = {"port": 8500, **flags}
    given["port"] = given["port"] or free_port()
    if given.get("rest_api_port") == -1:
        given["rest_api_port"] = free_port()
    check_port("0.0.0.0", given["port"])
    names = list(models) or _names(given)
    stopped: list[int] = []
    with tempfile.TemporaryDirectory() as folder:
        if models:
            config = Path(folder) / "models.config"
            config.write_text(_config(models))
            given["model_config_file"] = str(config)
        process = subprocess.Popen([binary, *_arguments(given)], stdout=subprocess.DEVNULL)

        def stop(number: int, frame: object) -> None:
            stopped.append(number)
            process.terminate()

        with on_interrupt(stop):
            try:
                ready = _wait_until_ready(process, given["port"])
                if ready and not stopped:
                    # It may want a certificate of its clients.
                    open_to_us = not given.get("ssl_config_file")
                    versions = {
                        name: _versions(given["port"], name) if open_to_us else [] for name in names
                    }
                    tell(given["port"], given.get("rest_api_port") or None, process.pid, versions)
                    sleep_until(lambda: process.poll() is not None)
            finally:
                _end(process)
    if not stopped:
        raise ServingError(
            f"{BINARY} ended with exit code {process.returncode}"
            if ready or process.returncode != -signal.SIGTERM
            else f"{BINARY} opened no port in {_START_SECONDS:.0f} s"
        )
    if not ready and stopped[0] == signal.SIGINT:
        raise KeyboardInterrupt


def _wait_until_ready(process: subprocess.Popen[bytes], port: int) -> bool:
    """Waits for the port, which opens when each model has a version that is loaded."""
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        except OSError:
            time.sleep(0.1)
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_KILL_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _versions(port: int, name: str) -> list[int]:
    with Client(f"127.0.0.1:{port}", name) as client:
        return [entry.version for entry in client.status() if entry.state == "AVAILABLE"]


def _names(flags: Mapping[str, Any]) -> list[str]:
    if not flags.get("model_config_file"):
        return [flags.get("model_name", "default")]
    path = Path(flags["model_config_file"])
    try:
        config: Any = text_format.Parse(
            path.read_text(), ModelServerConfig(), allow_unknown_field=True
        )
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise ValueError(f"Invalid protobuf file: '{path}': {error}") from error
    return [model.name for model in config.model_config_list.config]


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
