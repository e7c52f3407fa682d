"""Addresses and ports to listen on."""

from __future__ import annotations

import os
import socket


def join(host: str, port: int) -> str:
    """Writes an address as clients do: `127.0.0.1:8500`, `[::1]:8500`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def family(host: str) -> socket.AddressFamily:
    """Which kind of socket an address needs."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def free_port() -> int:
    """Finds a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def check_port(host: str, port: int, flag: str = "port") -> None:
    """Finds out that a port is taken.

    Args:
        host: Address.
        port: 0 is always free.
        flag: By which flag the user chooses it.

    Raises:
        OSError: It can't be listened on.
    """
    try:
        with socket.create_server((host, port), family=family(host)):
            pass
    except OSError as error:
        free = 0 if flag == "port" else -1
        raise OSError(
            f"cannot listen on {host} port {port}: {error.strerror or error};"
            f" choose another with --{flag}, or --{flag} {free} for any free one"
        ) from error


def check_socket_path(path: str) -> None:
    """Finds out that a Unix socket can't be made.

    Raises:
        OSError: It can't.
    """
    folder = os.path.dirname(os.path.abspath(path))
    reason = ""
    if not os.path.isdir(folder):
        reason = f"there is no directory {folder}"
    elif not os.access(folder, os.W_OK):
        reason = f"{folder} can't be written to"
    elif len(os.fsencode(path)) > 107:
        reason = "its name is longer than the 107 bytes that a socket may have"
    if reason:
        raise OSError(f"cannot listen on --grpc_socket_path {path}: {reason}")
