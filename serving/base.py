"""What the client and the asyncio client have in common: options, a channel, its calls."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import grpc
import numpy as np

from serving.channel import open_channel
from serving.checks import check_metadata, check_positive, check_seconds
from serving.errors import ClientClosed, InvalidInput, from_rpc
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
        metadata: Iterable[tuple[str, str | bytes]] | Mapping[str, str | bytes] = (),
        max_rows: int = 1024,
        max_bytes: int = 4 << 20,
        in_flight: int = 4,
        retry: bool = True,
        wait_for_ready: bool = False,
        progress: Callable[[int], object] | None = None,
    ):
        if not isinstance(target, (str, list, tuple)):
            raise InvalidInput(f"target must be host:port or a list of them; received {target!r}")
        self.address = Address(model, version, label)
        self.target = target if isinstance(target, str) else ",".join(map(str, target))
        self.progress = progress
        self._options = {"metadata": check_metadata(metadata), "wait_for_ready": wait_for_ready}
        self._timeout = check_seconds(timeout)
        self._max_rows = check_positive("max_rows", max_rows)
        self._max_bytes = check_positive("max_bytes", max_bytes)
        self._in_flight = check_positive("in_flight", in_flight)
        self._signatures: dict[str, Signature] | None = None
        self._closed = False
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

    def _seconds(self, timeout: float | None) -> float:
        return self._timeout if timeout is None else check_seconds(timeout)

    @contextlib.contextmanager
    def _one_family(self) -> Iterator[None]:
        """Raises what gRPC raises as a `ServingError`."""
        try:
            if self._closed:
                raise ClientClosed("the client is closed")
            yield
        except grpc.RpcError as error:
            if self._closed:
                raise ClientClosed("the client was closed during the call") from error
            failure = from_rpc(error, self.target)
            if isinstance(failure, InvalidInput):
                self._signatures = None  # perhaps the server's model is another one by now
            raise failure from error
        except (ValueError, grpc.aio.UsageError, asyncio.CancelledError) as error:
            if not self._closed or isinstance(error, ClientClosed) or _cancelled_by_caller(error):
                raise
            raise ClientClosed("the client was closed during the call") from error

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


def _cancelled_by_caller(error: BaseException) -> bool:
    """Closing an asyncio channel cancels its calls; so may who awaits them."""
    if not isinstance(error, asyncio.CancelledError):
        return False
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0
