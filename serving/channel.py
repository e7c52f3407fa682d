"""gRPC channels to model servers: retries, balancing, keepalive, TLS."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from serving.errors import InvalidInput


@dataclass(frozen=True)
class TLS:
    """Credentials of a client: paths of PEM files.

    Args:
        ca: Certificates to trust; the system's by default.
        certificate: The client's own certificate, for mutual TLS.
        key: The key of that certificate.
        server_name: Name in the server's certificate, where it is not the address.
    """

    ca: str | Path | None = None
    certificate: str | Path | None = None
    key: str | Path | None = None
    server_name: str | None = None

    def credentials(self) -> grpc.ChannelCredentials:
        """Reads the files."""
        return grpc.ssl_channel_credentials(
            _read(self.ca), _read(self.key), _read(self.certificate)
        )


SERVICE_CONFIG = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.1s",
                "maxBackoff": "2s",
                "backoffMultiplier": 2,
                # Never what the request itself did wrong: it would be wrong again.
                "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"],
            },
        }
    ],
}


def resolve(target: str | Sequence[str]) -> str:
    """Turns one or more `host:port` into a gRPC target.

    Args:
        target: `"host:port"`, `"unix:/path"`, any gRPC target, or several `"host:port"` to
            balance over.

    Returns:
        The target; several addresses become one list that gRPC's round robin balances.
    """
    targets = [target] if isinstance(target, str) else list(target)
    if not targets:
        raise InvalidInput("target must name at least one host:port; received none")
    if any(one.startswith(("unix:", "dns:", "ipv4:", "ipv6:", "xds:")) for one in targets):
        if len(targets) > 1:
            raise InvalidInput(f"several targets must each be host:port; received {targets}")
        return targets[0]
    for one in targets:
        host, separator, port = one.rpartition(":")
        if not separator or not host or not port.isdigit() or not 0 < int(port) < 65536:
            raise InvalidInput(f"target must be host:port such as localhost:8500; received {one!r}")
    if len(targets) == 1:
        return targets[0]
    addresses = []
    for one in targets:
        host, _, port = one.rpartition(":")
        try:
            found = socket.getaddrinfo(host, int(port), socket.AF_INET, socket.SOCK_STREAM)
        except socket.gaierror as error:
            raise InvalidInput(f"target {one!r}: no address for host {host!r}") from error
        addresses += [f"{entry[4][0]!s}:{port}" for entry in found]
    return "ipv4:" + ",".join(dict.fromkeys(addresses))


def options(tls: TLS | None, retry: bool, balanced: bool) -> list[tuple[str, Any]]:
    """Returns the channel arguments.

    Args:
        tls: Credentials, for the server's name.
        retry: Retry calls that were refused or lost.
        balanced: There may be several servers. Round robin has no use with one address.
    """
    config = dict(SERVICE_CONFIG)
    if not retry:
        config.pop("methodConfig")
    if not balanced:
        config.pop("loadBalancingConfig")
    arguments: list[tuple[str, Any]] = [
        ("grpc.max_receive_message_length", -1),
        ("grpc.max_send_message_length", -1),
        ("grpc.service_config", json.dumps(config)),
        # Calls larger than this (256 KiB by default) would silently not be retried.
        ("grpc.per_rpc_retry_buffer_size", 256 << 20),
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
        ("grpc.max_reconnect_backoff_ms", 2_000),
        ("grpc.initial_reconnect_backoff_ms", 100),
        # Each client has connections of its own, so closing one never disturbs another.
        ("grpc.use_local_subchannel_pool", 1),
    ]
    if tls and tls.server_name:
        arguments.append(("grpc.ssl_target_name_override", tls.server_name))
    return arguments


def open_channel(
    target: str | Sequence[str], tls: TLS | None = None, retry: bool = True, aio: bool = False
) -> Any:
    """Opens a channel; connecting happens with the first call.

    Args:
        target: See `resolve`.
        tls: Credentials; plain text by default.
        retry: Retry on UNAVAILABLE and RESOURCE_EXHAUSTED, with backoff and jitter.
        aio: For asyncio.

    Returns:
        A `grpc.Channel` or `grpc.aio.Channel`.
    """
    address = resolve(target)
    arguments = options(tls, retry, address.startswith(("ipv4:", "ipv6:", "dns:")))
    library = grpc.aio if aio else grpc
    if tls:
        return library.secure_channel(address, tls.credentials(), options=arguments)
    return library.insecure_channel(address, options=arguments)


def _read(path: str | Path | None) -> bytes | None:
    return None if path is None else Path(path).read_bytes()
