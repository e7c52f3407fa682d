"""What the client and the asyncio client have in common: options, a channel, its calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from serving.channel import open_channel
from serving.errors import InvalidInput
from serving.requests import OUTPUTS, Address
from serving.signatures import Signature
from serving.tls import TLS
from serving.wire.messages import (
    METHODS,
    MODEL_SERVICE,
    PREDICTION_SERVICE,
    GetModelMetadataRequest,
)


class BaseClient:
    """Holds the connection; see `serving.client.Client` for the arguments."""

    _aio = False

    def __init__(
        self,
        target: str | Sequence[str],
        model: str,
        *,
        version: int | None = None,
        label: str | None = None,
        timeout: float = 30.0,
        tls: TLS | None = None,
        metadata: Iterable[tuple[str, str]] = (),
        max_rows: int = 1024,
        max_bytes: int = 4 << 20,
        in_flight: int = 4,
        retry: bool = True,
        wait_for_ready: bool = False,
        progress: Callable[[int], object] | None = None,
    ):
        for name, value in (("max_rows", max_rows), ("in_flight", in_flight), ("timeout", timeout)):
            if value <= 0:
                raise InvalidInput(f"{name} must be positive; received {value}")
        if not isinstance(target, (str, list, tuple)):
            raise InvalidInput(f"target must be host:port or a list of them; received {target!r}")
        self.address = Address(model, version, label)
        self.target = target if isinstance(target, str) else ",".join(map(str, target))
        self._options = {"metadata": tuple(metadata), "wait_for_ready": wait_for_ready}
        self.progress = progress
        self._timeout = timeout
        self._max_rows, self._max_bytes, self._in_flight = max_rows, max_bytes, in_flight
        self._signatures: dict[str, Signature] | None = None
        self._channel = open_channel(target, tls, retry, aio=self._aio)
        self._calls = {
            method: self._channel.unary_unary(
                f"/{service}/{method}",
                request_serializer=request.SerializeToString,
                response_deserializer=response.FromString,
            )
            for service in (PREDICTION_SERVICE, MODEL_SERVICE)
            for method, (request, response) in METHODS[service].items()
        }

    def _metadata_request(self) -> Any:
        return GetModelMetadataRequest(
            model_spec=self.address.spec(), metadata_field=["signature_def"]
        )

    def _count(self, answer: Mapping[str, np.ndarray]) -> None:
        if self.progress and answer:
            self.progress(len(next(iter(answer.values()))))

    def _not_ready(self, timeout: float, error: Exception) -> str:
        return (
            f"model {self.address.model} at {self.target} not ready within {timeout:g} s: {error}"
        )


def check_method(signature: str) -> None:
    """Refuses a signature that clients have no method for."""
    if signature not in OUTPUTS:
        raise InvalidInput(f"signature must be one of {', '.join(OUTPUTS)}; received {signature!r}")
