"""Credentials of a client: which certificates to trust, and its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import grpc

from serving.errors import InvalidInput


@dataclass(frozen=True)
class TLS:
    """Credentials of a client: paths of PEM files.

    Args:
        ca: Certificates to trust; the system's by default.
        certificate: The client's own certificate, for mutual TLS.
        key: The key of that certificate.
        server_name: Name in the server's certificate, where it is not the address. Needed for
            several hosts: gRPC checks one name in the certificates of all.
    """

    ca: str | Path | None = None
    certificate: str | Path | None = None
    key: str | Path | None = None
    server_name: str | None = None

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise InvalidInput(
                "a client's certificate and key go together; received"
                f" certificate={self.certificate!r}, key={self.key!r}"
            )

    def credentials(self) -> grpc.ChannelCredentials:
        """Reads the files.

        Raises:
            InvalidInput: A file cannot be read or is not what it should be; gRPC would only fail
                to connect.
        """
        contents = {name: _read(name, getattr(self, name)) for name in ("ca", "certificate", "key")}
        self._check()
        return grpc.ssl_channel_credentials(
            contents["ca"], contents["key"], contents["certificate"]
        )

    def _check(self) -> None:
        import ssl  # only those who encrypt pay for it

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.set_ciphers("DEFAULT@SECLEVEL=0")  # whether a key is too weak is gRPC's to say
        try:
            if self.ca is not None:
                context.load_verify_locations(self.ca)
        except ssl.SSLError as error:
            raise InvalidInput(f"TLS ca {self.ca}: holds no PEM certificates ({error})") from error
        try:
            if self.certificate is not None:
                context.load_cert_chain(self.certificate, self.key, _no_password)
        except ssl.SSLError as error:
            raise InvalidInput(
                f"TLS certificate {self.certificate} and key {self.key}: not a PEM certificate and"
                f" the key that belongs to it ({error})"
            ) from error


def _read(name: str, path: str | Path | None) -> bytes | None:
    try:
        return None if path is None else Path(path).read_bytes()
    except OSError as error:
        raise InvalidInput(f"TLS {name} {path}: {error.strerror or error}") from error


def _no_password() -> str:
    raise InvalidInput("the TLS key is encrypted; gRPC reads plain keys only")
