"""A client of TF Serving's gRPC API: NumPy in, NumPy out, without TensorFlow."""

from __future__ import annotations

import collections
import time
from collections.abc import Iterable, Iterator, Mapping
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


class Client(BaseClient):
    """Speaks to one model on a TF Serving model server, or on the embedded one.

    Inputs are checked against the model's signature before they are sent, large ones are cut
    into pieces that travel a few at a time, and refused or lost calls are retried. Thread safe.

    Args:
        target: `"host:port"`, or several to balance over.
        model: Name of the model.
        version: A version of it; by default the newest.
        label: Or the version that a label points to, such as `"stable"`.
        timeout: Seconds that one call may take, retries included.
        tls: Credentials; plain text by default.
        metadata: Pairs to send with each call, such as `("authorization", "Bearer ...")`.
        max_rows: Rows in one call at most.
        max_bytes: Aim at no more bytes in one call.
        in_flight: Calls under way at once at most, for inputs that are cut.
        retry: Retry on UNAVAILABLE and RESOURCE_EXHAUSTED.
        wait_for_ready: Wait, up to the timeout, for a server that is starting or restarting
            instead of failing at once.
        progress: Called with the number of rows whenever a piece of an input is answered; for a
            progress bar.

    Example:
        >>> with Client("localhost:8500", model="fashion") as client:
        ...     codes = client.hash(images)
    """

    def embed(self, x: Any, timeout: float | None = None) -> np.ndarray:
        """Returns embeddings, float32 [n, d].

        Args:
            x: Model inputs [n, ...]; for models of raw input a list of `str` or `bytes`.
            timeout: Seconds for each call; by default the client's.

        Raises:
            InvalidInput: `x` is not what the model takes.
            ServingError: The server could not answer; see `serving.errors`.
        """
        return self._run("embed", x, timeout)

    def hash(self, x: Any, timeout: float | None = None) -> np.ndarray:
        """Returns hash codes, uint8 [n, bytes]; bits packed most significant first."""
        return self._run("hash", x, timeout)

    def hash_query(self, x: Any, timeout: float | None = None) -> HashQuery:
        """Returns hash codes and the signed distance of each bit from its threshold."""
        return self._run("hash_query", x, timeout)

    def reconstruct(self, x: Any, timeout: float | None = None) -> np.ndarray:
        """Returns what the decoder makes of the code of each input."""
        return self._run("reconstruct", x, timeout)

    def score(self, x: Any, timeout: float | None = None) -> np.ndarray:
        """Returns the reconstruction error of each input, float32 [n]: its anomaly score."""
        return self._run("score", x, timeout)

    def decode(self, embedding: Any, timeout: float | None = None) -> np.ndarray:
        """Returns the reconstruction of each embedding, [n, ...]."""
        return self._run("decode", embedding, timeout)

    def predict(
        self,
        signature: str = "serving_default",
        inputs: Mapping[str, Any] | None = None,
        /,
        *,
        timeout: float | None = None,
        **named: Any,
    ) -> dict[str, np.ndarray]:
        """Calls any signature of any model.

        Args:
            signature: Its name.
            inputs: Arrays by the signature's input names.
            timeout: Seconds for each call; by default the client's.
            **named: Or inputs as keywords; one that is named `timeout` needs the mapping.

        Returns:
            Arrays by the signature's output names.

        Raises:
            InvalidInput: The inputs are not what the signature takes.
            ServingError: The server could not answer; see `serving.errors`.

        Example:
            >>> client.predict("two", {"a": rows, "b": rows})
            >>> client.predict("two", a=rows, b=rows, timeout=5)
        """
        chosen, arrays = self._fit(signature, requests.named_inputs(signature, inputs, named))
        return self._ask(chosen, arrays, self._seconds(timeout))

    def encode_many(
        self, batches: Iterable[Any], signature: str = "embed", timeout: float | None = None
    ) -> Iterator[Any]:
        """Encodes batches as they come, holding no more than a few at a time.

        Args:
            batches: Model inputs [n, ...] each; may be endless.
            signature: `"embed"`, `"hash"` or another that the client has a method for.
            timeout: Seconds for each call.

        Yields:
            For each batch, in order, what the method of that name returns. What goes wrong with
            one, or in `batches` itself, is raised after the answers to those before it.

        Example:
            >>> for codes in client.encode_many(tf_dataset.as_numpy_iterator(), "hash"):
            ...     index.add(next_ids(len(codes)), codes)
        """
        check_method(signature)
        seconds = self._seconds(timeout)
        joiner = Joiner(signature)

        def pieces() -> Iterator[Piece]:
            with joiner.last_error():
                for batch in batches:
                    chosen, arrays = self._fit_one(signature, batch)
                    cut = list(requests.cut(chosen, arrays, self._max_rows, self._max_bytes))
                    joiner.expect(chosen, len(cut))
                    yield from ((chosen, piece) for piece in cut)

        for answer in self._stream(pieces(), seconds):
            self._count(answer)
            yield from joiner.add(answer)
        yield from joiner.finish()

    def status(self, timeout: float | None = None) -> list[VersionStatus]:
        """Returns the versions that the server knows of, the highest first."""
        request = requests.status_request(self.address)
        return requests.read_status(self._call("GetModelStatus", request, timeout))

    def version(self, timeout: float | None = None) -> int:
        """Asks which version answers: the highest, or that of the client's label."""
        response = self._call("GetModelMetadata", self._metadata_request(), timeout)
        return response.model_spec.version.value

    def metadata(self, timeout: float | None = None) -> dict[str, Signature]:
        """Asks the server for the model's signatures, by name."""
        response = self._call("GetModelMetadata", self._metadata_request(), timeout)
        found = read_signatures(response)
        self._signatures = found
        return found

    def wait_until_ready(self, timeout: float = 60.0) -> None:
        """Returns once the model can answer.

        Raises:
            ServerUnavailable: No server answers at the address in time.
            DeadlineExceeded: The server is there but the model is not ready in time.
        """
        deadline = time.monotonic() + check_seconds(timeout, zero=True)
        while True:
            left = max(0.05, deadline - time.monotonic())
            try:
                self.metadata(timeout=min(left, 5.0))
                return
            except NOT_READY as error:
                if time.monotonic() + 0.05 >= deadline:
                    if isinstance(error, ServerUnavailable):
                        raise
                    raise DeadlineExceeded(self._not_ready(timeout, error)) from error
            time.sleep(0.05)

    def close(self) -> None:
        """Closes the connection; calls from then on, or under way, raise `ClientClosed`."""
        self._closed = True
        self._channel.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, method: str, x: Any, timeout: float | None) -> Any:
        seconds = self._seconds(timeout)
        return requests.select(method, self._ask(*self._fit_one(method, x), seconds))

    def _ask(
        self, chosen: Signature, arrays: Mapping[str, np.ndarray], seconds: float
    ) -> dict[str, np.ndarray]:
        if requests.row_count(chosen, arrays) == 0:
            return requests.no_rows(chosen)
        pieces = list(requests.cut(chosen, arrays, self._max_rows, self._max_bytes))
        if len(pieces) == 1:  # a blocking call is cheaper than a future
            request = requests.predict_request(self.address, chosen, pieces[0])
            answer = requests.read_outputs(self._call("Predict", request, seconds))
            if chosen.batched:
                self._count(answer)
            return answer
        answers = []
        for answer in self._stream(((chosen, piece) for piece in pieces), seconds):
            self._count(answer)
            answers.append(answer)
        return requests.join(answers)

    def _fit_one(self, signature: str, x: Any) -> tuple[Signature, dict[str, np.ndarray]]:
        chosen = self._signature(signature)
        return self._fit(signature, {requests.only_input(chosen): x})

    def _fit(
        self, signature: str, inputs: Mapping[str, Any]
    ) -> tuple[Signature, dict[str, np.ndarray]]:
        known = self._signatures is not None
        chosen = self._signature(signature)
        try:
            return chosen, fit_inputs(chosen, inputs)
        except InvalidInput:
            # The server may have moved on to a version that takes other inputs.
            if not known or self.metadata().get(signature) in (None, chosen):
                raise
            chosen = self._signature(signature)
            return chosen, fit_inputs(chosen, inputs)

    def _signature(self, name: str) -> Signature:
        known = self._signatures
        if known is None or name not in known:
            known = self.metadata()
        return pick(known, name, self.address.model)

    def _stream(self, pieces: Iterable[Piece], seconds: float) -> Iterator[dict[str, np.ndarray]]:
        """Sends pieces, a few at a time; yields their answers in order."""
        call = self._calls["Predict"]
        under_way: collections.deque[Any] = collections.deque()
        try:
            for chosen, arrays in pieces:
                if len(under_way) == self._in_flight:
                    yield self._answer(under_way.popleft())
                request = requests.predict_request(self.address, chosen, arrays)
                with self._one_family():
                    under_way.append(call.future(request, timeout=seconds, **self._options))
            while under_way:
                yield self._answer(under_way.popleft())
        finally:
            for future in under_way:
                future.cancel()

    def _answer(self, future: Any) -> dict[str, np.ndarray]:
        with self._one_family():
            response = future.result()
        return requests.read_outputs(response)

    def _call(self, method: str, request: Any, timeout: float | None) -> Any:
        seconds = self._seconds(timeout)
        with self._one_family():
            return self._calls[method](request, timeout=seconds, **self._options)
