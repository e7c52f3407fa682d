"""The client for asyncio: the methods of `serving.client.Client`, awaited."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Iterable,
    Iterator,
    Mapping,
)
from typing import Any

import numpy as np

from serving import requests
from serving.base import BaseClient, check_method
from serving.checks import check_seconds
from serving.errors import (
    NOT_READY,
    DeadlineExceeded,
    InvalidInput,
    ServerUnavailable,
)
from serving.joining import Joiner, Piece
from serving.requests import HashQuery, VersionStatus
from serving.signatures import Signature, fit_inputs, pick, read_signatures


class AsyncClient(BaseClient):
    """Speaks to one model; make it and use it on one event loop.

    Takes the arguments of `serving.client.Client`.

    Example:
        >>> async with AsyncClient("localhost:8500", model="fashion") as client:
        ...     codes, scores = await asyncio.gather(client.hash(x), client.score(x))
    """

    _aio = True

    async def embed(self, x: Any, timeout: float | None = None) -> np.ndarray:
        """Returns embeddings, float32 [n, d]."""
        return await self._run("embed", x, timeout)

    async def hash(self, x: Any, timeout: float | None = None) -> np.ndarray:
        """Returns hash codes, uint8 [n, bytes]; bits packed most significant first."""
        return await self._run("hash", x, timeout)

    async def hash_query(self, x: Any, timeout: float | None = None) -> HashQuery:
        """Returns hash codes and the signed distance of each bit from its threshold."""
        return await self._run("hash_query", x, timeout)

    async def reconstruct(self, x: Any, timeout: float | None = None) -> np.ndarray:
        """Returns what the decoder makes of the code of each input."""
        return await self._run("reconstruct", x, timeout)

    async def score(self, x: Any, timeout: float | None = None) -> np.ndarray:
        """Returns the reconstruction error of each input, float32 [n]: its anomaly score."""
        return await self._run("score", x, timeout)

    async def decode(self, embedding: Any, timeout: float | None = None) -> np.ndarray:
        """Returns the reconstruction of each embedding, [n, ...]."""
        return await self._run("decode", embedding, timeout)

    async def predict(
        self,
        signature: str = "serving_default",
        inputs: Mapping[str, Any] | None = None,
        /,
        *,
        timeout: float | None = None,
        **named: Any,
    ) -> dict[str, np.ndarray]:
        """Calls any signature of any model; see `Client.predict`."""
        seconds = self._seconds(timeout)
        chosen, arrays = await self._fit(signature, requests.named_inputs(signature, inputs, named))
        if requests.row_count(chosen, arrays) == 0:
            return requests.no_rows(chosen)
        pieces = (
            (chosen, piece)
            for piece in requests.cut(chosen, arrays, self._max_rows, self._max_bytes)
        )
        answers = []
        async with contextlib.aclosing(self._stream(_each(pieces), seconds)) as stream:
            async for answer in stream:
                if chosen.batched:
                    self._count(answer)
                answers.append(answer)
        return requests.join(answers)

    async def encode_many(
        self,
        batches: Iterable[Any] | AsyncIterable[Any],
        signature: str = "embed",
        timeout: float | None = None,
    ) -> AsyncIterator[Any]:
        """Encodes batches as they come, holding no more than a few at a time.

        Args:
            batches: Model inputs [n, ...] each, from an iterable or an async iterable.
            signature: `"embed"`, `"hash"` or another that the client has a method for.
            timeout: Seconds for each call.

        Yields:
            For each batch, in order, what the method of that name returns; errors as in
            `Client.encode_many`.
        """
        check_method(signature)
        seconds = self._seconds(timeout)
        joiner = Joiner(signature)

        async def pieces() -> AsyncIterator[Piece]:
            with joiner.last_error():
                async for batch in _each(batches):
                    chosen, arrays = await self._fit_one(signature, batch)
                    cut = list(requests.cut(chosen, arrays, self._max_rows, self._max_bytes))
                    joiner.expect(chosen, len(cut))
                    for piece in cut:
                        yield chosen, piece

        async with contextlib.aclosing(self._stream(pieces(), seconds)) as stream:
            async for answer in stream:
                self._count(answer)
                for batch in joiner.add(answer):
                    yield batch
        for batch in joiner.finish():
            yield batch

    async def status(self, timeout: float | None = None) -> list[VersionStatus]:
        """Returns the versions that the server knows of, the highest first."""
        request = requests.status_request(self.address)
        return requests.read_status(await self._call("GetModelStatus", request, timeout))

    async def version(self, timeout: float | None = None) -> int:
        """Asks which version answers: the highest, or that of the client's label."""
        response = await self._call("GetModelMetadata", self._metadata_request(), timeout)
        return response.model_spec.version.value

    async def metadata(self, timeout: float | None = None) -> dict[str, Signature]:
        """Asks the server for the model's signatures, by name."""
        response = await self._call("GetModelMetadata", self._metadata_request(), timeout)
        found = read_signatures(response)
        self._signatures = found
        return found

    async def wait_until_ready(self, timeout: float = 60.0) -> None:
        """Returns once the model can answer; see `Client.wait_until_ready`."""
        deadline = time.monotonic() + check_seconds(timeout, zero=True)
        while True:
            left = max(0.05, deadline - time.monotonic())
            try:
                await self.metadata(timeout=min(left, 5.0))
                return
            except NOT_READY as error:
                if time.monotonic() + 0.05 >= deadline:
                    if isinstance(error, ServerUnavailable):
                        raise
                    raise DeadlineExceeded(self._not_ready(timeout, error)) from error
            await asyncio.sleep(0.05)

    async def close(self) -> None:
        """Closes the connection; calls from then on, or under way, raise `ClientClosed`."""
        self._closed = True
        await self._channel.close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _run(self, method: str, x: Any, timeout: float | None) -> Any:
        chosen = await self._signature(method)
        outputs = await self.predict(method, {requests.only_input(chosen): x}, timeout=timeout)
        return requests.select(method, outputs)

    async def _fit_one(self, signature: str, x: Any) -> tuple[Signature, dict[str, np.ndarray]]:
        chosen = await self._signature(signature)
        return await self._fit(signature, {requests.only_input(chosen): x})

    async def _fit(
        self, signature: str, inputs: Mapping[str, Any]
    ) -> tuple[Signature, dict[str, np.ndarray]]:
        known = self._signatures is not None
        chosen = await self._signature(signature)
        try:
            return chosen, fit_inputs(chosen, inputs)
        except InvalidInput:
            # The server may have moved on to a version that takes other inputs.
            if not known or (await self.metadata()).get(signature) in (None, chosen):
                raise
            chosen = await self._signature(signature)
            return chosen, fit_inputs(chosen, inputs)

    async def _signature(self, name: str) -> Signature:
        known = self._signatures
        if known is None or name not in known:
            known = await self.metadata()
        return pick(known, name, self.address.model)

    async def _stream(
        self, pieces: AsyncIterator[Piece], seconds: float
    ) -> AsyncGenerator[dict[str, np.ndarray], None]:
        """Sends pieces, a few at a time; yields their answers in order."""
        under_way: collections.deque[asyncio.Task[Any]] = collections.deque()
        try:
            async for chosen, arrays in pieces:
                if len(under_way) == self._in_flight:
                    yield requests.read_outputs(await under_way.popleft())
                request = requests.predict_request(self.address, chosen, arrays)
                under_way.append(asyncio.create_task(self._call("Predict", request, seconds)))
            while under_way:
                yield requests.read_outputs(await under_way.popleft())
        finally:
            for task in under_way:
                task.cancel()
            # Else asyncio would complain of errors that nobody fetched.
            await asyncio.gather(*under_way, return_exceptions=True)

    async def _call(self, method: str, request: Any, timeout: float | None) -> Any:
        seconds = self._seconds(timeout)
        with self._one_family():
            return await self._calls[method](request, timeout=seconds, **self._options)


async def _each(items: Iterable[Any] | AsyncIterable[Any] | Iterator[Any]) -> AsyncIterator[Any]:
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item
