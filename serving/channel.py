"""gRPC channels to model servers: addresses, retries, balancing, keepalive."""

from __future__ import annotations

import ipaddress
import json
import re
import socket
from collections.abc import Sequence
from typing import Any

import grpc

from serving.errors import InvalidInput
from serving.tls import TLS

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
SCHEMES = ("unix:", "unix-abstract:", "dns:", "ipv4:", "ipv6:", "xds:")
_HOST_PORT = re.compile(r"(?:\[([^\]]+)\]|([^\s:/,\[\]]+)):([0-9]{1,5})")


def resolve(target: str | Sequence[str], tls: TLS | None = None) -> tuple[str, str | None]:
    """Turns one or more `host:port` into a gRPC target.

    Args:
        target: `"host:port"`, `"unix:/path"`, any gRPC target, or several `"host:port"` to
            balance over.
        tls: Credentials, for the name that the certificates must hold.

    Returns:
        The target; and the authority that calls name and certificates are checked for, None
        where gRPC takes it from the target. Several addresses become one list that gRPC's round
        robin balances; a name alone stays a name, which gRPC looks up again when it must.

    Raises:
        InvalidInput: Something else was given, or a name among several has no address.
    """
    targets: list[Any] = [target] if isinstance(target, str) else list(target)
    if not targets:
        raise InvalidInput("target must name at least one host:port; received none")
    split = [_split(one) for one in targets]
    if len(targets) == 1:
        # The addresses of localhost are one server's, which may listen on one of them only.
        if split[0] is None or _literal(split[0][0]) or split[0][0] == "localhost":
            return targets[0], None
        return f"dns:///{targets[0]}", None
    hosts = [one for one in split if one is not None]
    if len(hosts) < len(targets):
        raise InvalidInput(f"several targets must each be host:port; received {targets}")
    names = sorted({host for host, _ in hosts})
    if tls and not tls.server_name and len(names) > 1:
        raise InvalidInput(
            "over TLS to several hosts gRPC checks one name in all their certificates; give it"
            f" with TLS(server_name=...); received hosts {', '.join(names)}"
        )
    # The list holds no names: without this a certificate would be checked for the list's text.
    return _address_list(hosts), None if tls and tls.server_name else targets[0]


def options(
    tls: TLS | None, retry: bool, balanced: bool, authority: str | None = None
) -> list[tuple[str, Any]]:
    """Returns the channel arguments.

    Args:
        tls: Credentials, for the server's name.
        retry: Retry calls that were refused or lost.
        balanced: There may be several servers. Round robin has no use with one address.
        authority: What calls name as the server, where it is not the target.
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
    if authority:
        arguments.append(("grpc.default_authority", authority))
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
    if tls is not None and not isinstance(tls, TLS):
        raise InvalidInput(f"tls must be a serving.TLS, or None for plain text; received {tls!r}")
    address, authority = resolve(target, tls)
    balanced = address.startswith(("ipv4:", "ipv6:", "dns:"))
    arguments = options(tls, retry, balanced, authority)
    library = grpc.aio if aio else grpc
    if tls:
        return library.secure_channel(address, tls.credentials(), options=arguments)
    return library.insecure_channel(address, options=arguments)


def _split(target: str) -> tuple[str, int] | None:
    """Returns host and port; None for a gRPC target of another kind."""
    match = _HOST_PORT.fullmatch(target) if isinstance(target, str) else None
    if match:
        bracketed, host, port = match.groups()
        if 0 < int(port) < 65536 and (bracketed is None or _literal(bracketed) == 6):
            return bracketed or host, int(port)
    elif isinstance(target, str) and target.startswith(SCHEMES):
        return None
    raise InvalidInput(
        "target must be host:port such as localhost:8500 or [::1]:8500, without http://;"
        f" received {target!r}"
    )


def _literal(host: str) -> int:
    """Returns 4 or 6 for an address, 0 for a name."""
    try:
        return ipaddress.ip_address(host).version
    except ValueError:
        return 0


def _address_list(hosts: Sequence[tuple[str, int]]) -> str:
    found: list[tuple[int, str, int]] = []
    for host, port in hosts:
        try:
            entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise InvalidInput(f"target {host}:{port}: no address for host {host!r}") from error
        # A server that listens on both is asked over one, IPv4 where there is it.
        families = {entry[0] for entry in entries}
        family = socket.AF_INET if socket.AF_INET in families else socket.AF_INET6
        found += [(family, str(entry[4][0]), port) for entry in entries if entry[0] == family]
    if all(family == socket.AF_INET for family, _, _ in found):
        listed, scheme = [f"{address}:{port}" for _, address, port in found], "ipv4"
    else:  # gRPC has no list of both kinds, but IPv6 has addresses for those of IPv4
        listed, scheme = (
            [
                f"[{'::ffff:' if family == socket.AF_INET else ''}{address}]:{port}"
                for family, address, port in found
            ],
            "ipv6",
        )
    return f"{scheme}:" + ",".join(dict.fromkeys(listed))
