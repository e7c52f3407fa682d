"""The REST API over HTTP, on a thread for each connection."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from serving.listening import family
from serving.server.http_body import BadBodyError, read_body
from serving.server.rest_api import RestApi
from serving.server.services import Services
from serving.server.status import from_exception

log = logging.getLogger("serving")
_HTTP = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
_TIMEOUT = 30.0  # seconds for a client that does not send
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET,POST",
    "Access-Control-Allow-Headers": "Content-Type,Authorization",
}


class RestServer:
    """Serves REST, on a thread for each connection.

    Args:
        services: Answers; their options say where to listen.

    Raises:
        OSError: It cannot listen there.
    """

    def __init__(self, services: Services):
        options = services.options
        self._flying = flying_ = _Flying()

        class Handler(_Handler):
            api = RestApi(services)
            limit = options.max_request_bytes
            headers_of_all = _CORS if options.rest_api_enable_cors_support else {}
            flying = flying_

        class Server(_Server):
            address_family = family(options.host)

        self._server = Server((options.host, options.rest_api_port or 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.1},
            name="rest",
            daemon=True,
        )
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Stops listening; waits so long for the requests that are there."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._flying.land(seconds)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""
        log.debug("the connection with %s broke", client_address, exc_info=True)


class _Flying:
    """Counts the requests that are being answered, as a context manager."""

    def __init__(self) -> None:
        self._count = 0
        self._changed = threading.Condition()

    def __enter__(self) -> None:
        with self._changed:
            self._count += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._count -= 1
            self._changed.notify_all()

    def land(self, seconds: float) -> None:
        """Waits until there are none, so long at most."""
        with self._changed:
            self._changed.wait_for(lambda: not self._count, seconds)


class _Handler(BaseHTTPRequestHandler):
    api: RestApi
    limit: int
    headers_of_all: Mapping[str, str]
    flying: _Flying
    protocol_version = "HTTP/1.1"
    server_version = "serving"
    sys_version = ""
    timeout = _TIMEOUT

    def do_GET(self) -> None:
        with self.flying:
            self._answer("GET", b"")

    def do_OPTIONS(self) -> None:
        """Tells a browser, before it calls from another site's page, whether it may."""
        if self.headers_of_all:
            self._send(200, "text/plain", "")
        else:
            self.send_error(501, "Unsupported method ('OPTIONS')")

    def do_POST(self) -> None:
        with self.flying:
            try:
                body = read_body(self.headers, self.rfile, self.limit)
            except BadBodyError as error:
                self.send_error(error.code, str(error))
            else:
                self._answer("POST", body)

    def _answer(self, verb: str, body: bytes) -> None:
        try:
            kind, text = self.api.answer(verb, self.path, body)
            self._send(200, kind, text)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        except Exception as error:
            status = from_exception(error)
            code = _HTTP.get(status.code.name, 500)
            self._send(code, "application/json", json.dumps({"error": status.message}))

    def _send(self, code: int, kind: str, text: str) -> None:
        data = text.encode()
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in self.headers_of_all.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuses what is no such request, as JSON too."""
        self.close_connection = True
        text = message or self.responses.get(code, ("",))[0]
        self._send(code, "application/json", json.dumps({"error": text}))

    def log_message(self, format: str, *args: Any) -> None:
        """Keeps quiet: requests are counted, not logged."""
