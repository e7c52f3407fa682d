"""The embedded model server: starts, says where it listens, stops gracefully."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import tensorflow as tf

from serving.listening import join
from serving.server.batch_queue import Sharing
from serving.server.batching import Batcher
from serving.server.config import ServerOptions
from serving.server.grpc_api import build_server
from serving.server.grpc_core import CoreServer
from serving.server.health import Health
from serving.server.loading import Loader
from serving.server.manager import Manager
from serving.server.metrics import Metrics
from serving.server.rest import RestServer
from serving.server.servable import session_config
from serving.server.services import Services
from serving.server.status import from_exception
from serving.server.text_config import load_models_config
from serving.versions import ModelConfig

log = logging.getLogger("serving")


class EmbeddedServer:
    """Answers as TF Serving does, in this process, on threads of its own.

    Args:
        models: What to serve, beside the models of `options.model_config_file`.
        options: How.

    Raises:
        OSError: A port is taken.
        StatusError: A model has no version that loads.

    Example:
        >>> with EmbeddedServer([ModelConfig("fashion", "/models/fashion")]) as server:
        ...     client = Client(server.address, model="fashion")
    """

    def __init__(self, models: Iterable[ModelConfig], options: ServerOptions | None = None):
        self.options = options or ServerOptions()
        self.models = list(models)
        self._from_file: list[ModelConfig] = []
        self.port = 0
        self.rest_port: int | None = None
        self.metrics = Metrics()
        self._executor = ThreadPoolExecutor(self.options.threads, thread_name_prefix="model")
        self.manager = Manager(
            Loader(self.options, self.metrics),
            poll_seconds=self.options.file_system_poll_wait_seconds,
            retries=self.options.max_num_load_retries,
            retry_seconds=self.options.load_retry_interval_micros / 1e6,
            labels_may_wait=self.options.allow_version_labels_for_unavailable_models,
            threads=max(1, self.options.num_load_threads),
        )
        self._health = Health()
        self._server: CoreServer | None = None
        self._rest: RestServer | None = None
        self._stopping = threading.Event()

    @property
    def address(self) -> str:
        """Where clients find it: `host:port`."""
        host = self.options.host
        return join({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), self.port)

    def start(self) -> EmbeddedServer:
        """Loads the models, then opens the ports."""
        # The loader is deprecated in TensorFlow's words, and is what the real server runs.
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
        try:
            if self.options.model_config_file:
                self._from_file = load_models_config(self.options.model_config_file)
            self.manager.start([*self._from_file, *self.models])
            self._open()
        except BaseException:
            self.stop()
            raise
        if self.options.model_config_file and self.options.model_config_file_poll_wait_seconds > 0:
            threading.Thread(target=self._watch_config, name="config", daemon=True).start()
        return self

    def stop(self) -> None:
        """Refuses new requests, finishes those in flight, frees the models."""
        self._stopping.set()
        if self._rest:
            self._rest.stop(self.options.drain_seconds)
        self._health.stop()
        if self._server:
            self._server.drain(self.options.drain_seconds)
        self._executor.shutdown(wait=True, cancel_futures=True)
        self.manager.stop()
        if self._server:
            self._server.close()
            self._server = None

    def __enter__(self) -> EmbeddedServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _open(self) -> None:
        services = Services(
            self.manager, self._batcher(), self._executor, self.metrics, self.options
        )
        server = build_server(services, self._health)
        self._listen(server)
        if self.options.rest_api_port is not None:
            self._open_rest(services)
        server.start()
        self._server = server

    def _listen(self, server: CoreServer) -> None:
        options = self.options
        try:
            self.port = server.add_port(join(options.host, options.port), options.credentials)
        except RuntimeError as error:
            raise OSError(
                f"cannot listen on {options.host} port {options.port}: it is in use or not allowed;"
                " choose another with --port, or --port 0 for any free one"
            ) from error
        if path := options.grpc_socket_path:
            try:
                server.add_port(f"unix:{path}")
            except RuntimeError as error:
                raise OSError(f"cannot listen on --grpc_socket_path {path}") from error

    def _open_rest(self, services: Services) -> None:
        try:
            self._rest = RestServer(services)
        except OSError as error:
            raise OSError(
                f"cannot listen on {self.options.host} port {self.options.rest_api_port} for REST:"
                f" {error.strerror}"
            ) from error
        self.rest_port = self._rest.port

    def _batcher(self) -> Batcher | None:
        options = self.options
        sharing = Sharing(options.max_batch_rows, parallel=options.threads)
        if not (options.batching or options.micro_batching):
            return None
        return Batcher(self._executor, sharing if options.micro_batching else None)

    def _watch_config(self) -> None:
        """Reads the models' file again and again; a broken one changes nothing."""
        path = self.options.model_config_file or ""
        known = self._from_file
        while not self._stopping.wait(self.options.model_config_file_poll_wait_seconds):
            try:
                models = load_models_config(path)
                if models != known:
                    self.manager.reload([*models, *self.models], timeout=60)
                    known = models
            except Exception as error:
                message = str(error) or from_exception(error).message
                log.error("reading %s failed, keeping the models: %s", path, message)


def start_tensorflow(cores: int = 0) -> None:
    """Finds the devices, which TensorFlow does (and logs about) with the first session.

    Args:
        cores: Cores that one operation may use in this process; 0 for all.
    """
    tf.compat.v1.Session(graph=tf.Graph(), config=session_config(cores)).close()
