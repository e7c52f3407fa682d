"""A gRPC server on grpcio's own core: one thread takes what arrives, any thread answers.

`grpc.server` holds a thread for each call in flight, and `grpc.aio.server` takes five times as
long for small ones. Both are written in Python on the classes used here, which grpcio does not
promise to keep: its version is pinned, and a test fails where they change.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from grpc._cython import cygrpc

from serving.server.status import StatusError, cut, from_exception

log = logging.getLogger("serving")
_ARRIVED = object()
_NO_FLAGS = 0
_NOW = 0.0  # as a deadline
_MANY = 512  # events without a pause that are enough

Method = Callable[["Rpc"], None]
"""Gets each call once its message is there, on the server's thread, which it must not hold up: it
calls `reply` or `fail`, then or later, or for a stream `send` and `receive`."""


class Rpc:
    """One call.

    Attributes:
        data: The message.
        deadline: Until when the client waits, as `time.time()` tells it.
        gone: Nobody waits for an answer any more.
    """

    __slots__ = ("_call", "_fresh", "_method", "_on_end", "data", "deadline", "gone")

    def __init__(self, call: Any, method: Method, deadline: float, on_end: Callable[[], None]):
        self.data = b""
        self.deadline = deadline
        self.gone = False
        self._call = call
        self._method = method
        self._on_end = on_end
        self._fresh = True  # the client has no headers yet
        call.start_server_batch((cygrpc.ReceiveCloseOnServerOperation(_NO_FLAGS),), self._ended)

    def receive(self) -> None:
        """Hands the next message to the method, or ends a stream whose client has no more."""
        self._call.start_server_batch((cygrpc.ReceiveMessageOperation(_NO_FLAGS),), self._received)

    def reply(self, data: bytes) -> None:
        """Answers, and ends the call."""
        self._send(cygrpc.SendMessageOperation(data, _NO_FLAGS), _status(0, ""))

    def send(self, data: bytes) -> None:
        """Answers; the call goes on."""
        self._send(cygrpc.SendMessageOperation(data, _NO_FLAGS))

    def fail(self, error: Exception) -> None:
        """Answers with an error."""
        status = from_exception(error)
        if status.code is grpc.StatusCode.INTERNAL and not isinstance(error, DecodeError):
            log.error("a call failed", exc_info=error)
        self._send(_status(status.code.value[0], cut(status.message)))

    def _send(self, *operations: Any) -> None:
        if self.gone:
            return
        if self._fresh:
            self._fresh = False
            operations = (cygrpc.SendInitialMetadataOperation(None, _NO_FLAGS), *operations)
        self._call.start_server_batch(operations, None)

    def _received(self, event: Any) -> None:
        data = event.batch_operations[0].message()
        if data is not None:
            self.data = data
            try:
                self._method(self)
            except Exception as error:
                self.fail(error)
        elif self._fresh:  # nobody reads this where the client has cancelled
            self.fail(StatusError("UNIMPLEMENTED", "a message is needed"))
        else:
            self._send(_status(0, ""))

    def _ended(self, event: Any) -> None:
        self.gone = True
        self._on_end()


class CoreServer:
    """Takes calls from its ports and hands them to methods.

    Args:
        methods: Path, as in `/package.Service/Method`, to method.
        options: gRPC's channel arguments.
        max_calls: Refuse more at once.
        on_pause: Called, on the server's thread, when nothing more has arrived for the moment.
    """

    def __init__(
        self,
        methods: Mapping[str, Method],
        options: Sequence[tuple[str, int | str]],
        max_calls: int,
        on_pause: Callable[[], None],
    ):
        self._methods = {path.encode(): method for path, method in methods.items()}
        self._max_calls = max_calls
        self._on_pause = on_pause
        self._calls = 0
        self._queue = cygrpc.CompletionQueue()
        self._server = cygrpc.Server([(key.encode(), value) for key, value in options], False)
        self._server.register_completion_queue(self._queue)
        self._finished = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="grpc", daemon=True)

    def add_port(self, where: str, credentials: grpc.ServerCredentials | None = None) -> int:
        """Listens at `host:port` or `unix:path`; returns the port.

        Raises:
            RuntimeError: It can't.
        """
        arguments = (where.encode(), *([credentials._credentials] if credentials else []))
        port = self._server.add_http2_port(*arguments)
        if not port:
            raise RuntimeError(f"cannot listen at {where}")
        return port

    def start(self) -> None:
        """Takes calls from now on."""
        self._server.start()
        self._server.request_call(self._queue, self._queue, _ARRIVED)
        self._thread.start()

    def drain(self, seconds: float) -> None:
        """Refuses new calls; ends those that are not answered after so many seconds."""
        self._server.shutdown(self._queue, lambda _: self._finished.set())
        if not self._finished.wait(seconds):
            self._server.cancel_all_calls()

    def close(self) -> None:
        """Ends the thread. After `drain`, and when nothing replies any more."""
        self._finished.wait()
        self._server.destroy()
        self._queue.shutdown()
        self._thread.join()

    def _serve(self) -> None:
        taken = 0
        while True:
            event = self._queue.poll(_NOW if taken else None)
            if event.completion_type == cygrpc.CompletionType.queue_shutdown:
                return
            try:
                if event.tag is _ARRIVED:
                    self._accept(event)
                elif event.tag is not None:
                    event.tag(event)
                taken += 1
                if event.completion_type == cygrpc.CompletionType.queue_timeout or taken > _MANY:
                    taken = 0
                    self._on_pause()
            except Exception:  # other calls must go on
                log.exception("a call was lost")
            # grpcio wants an event's call to be let go of before the next is waited for.
            event = None

    def _accept(self, event: Any) -> None:
        if not event.success:  # the server stops
            return
        self._server.request_call(self._queue, self._queue, _ARRIVED)
        method = self._methods.get(event.call_details.method)
        self._calls += 1
        rpc = Rpc(event.call, method or _nothing, event.call_details.deadline, self._on_end)
        if method is None:
            rpc.fail(StatusError("UNIMPLEMENTED", ""))
        elif self._calls > self._max_calls:
            rpc.fail(StatusError("RESOURCE_EXHAUSTED", "Concurrent RPC limit exceeded!"))
        else:
            rpc.receive()

    def _on_end(self) -> None:
        self._calls -= 1


def _status(code: int, message: str) -> Any:
    return cygrpc.SendStatusFromServerOperation(None, code, message.encode(), _NO_FLAGS)


def _nothing(rpc: Rpc) -> None:
    """No method."""
