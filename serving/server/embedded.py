"""The embedded model server: starts, says where it listens, stops gracefully."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import tensorflow as tf

from serving.server.batching import Batcher
from serving.server.config import ServerOptions
from serving.server.grpc_api import build_server
from serving.server.manager import Manager
from serving.server.repository import ModelConfig
from serving.server.servable import Servable
from serving.server.services import Services


class EmbeddedServer:
    """Answers as TF Serving does, in this process, on threads of its own.

    Args:
        models: What to serve.
        options: How.

    Raises:
        OSError: The port is taken.
        StatusError: A model has no version that loads.

    Example:
        >>> with EmbeddedServer([ModelConfig("fashion", "/models/fashion")]) as server:
        ...     client = Client(server.address, model="fashion")
    """

    def __init__(self, models: Iterable[ModelConfig], options: ServerOptions | None = None):
        self.options = options or ServerOptions()
        self.models = list(models)
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="grpc", daemon=True)
        self._executor = ThreadPoolExecutor(self.options.threads, thread_name_prefix="model")
        self.manager = Manager(
            self._load,
            poll_seconds=self.options.file_system_poll_wait_seconds,
            retries=self.options.max_num_load_retries,
            retry_seconds=self.options.load_retry_interval_micros / 1e6,
            labels_may_wait=self.options.allow_version_labels_for_unavailable_models,
        )
        self._server: Any = None

    @property
    def address(self) -> str:
        """Where clients find it: `host:port`."""
        host = self.options.host
        return f"{'127.0.0.1' if host == '0.0.0.0' else host}:{self.port}"

    def start(self) -> EmbeddedServer:
        """Loads the models, then opens the port."""
        # The loader is deprecated in TensorFlow's words, and is what the real server runs.
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
        try:
            self.manager.start(self.models)
        except BaseException:
            self.manager.stop()
            raise
        self._thread.start()
        try:
            self._run(self._open())
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Refuses new requests, finishes those in flight, frees the models."""
        if self._thread.is_alive():
            if self._server:
                self._run(self._server.stop(self.options.drain_seconds))
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._executor.shutdown(wait=True, cancel_futures=True)
        self.manager.stop()

    def __enter__(self) -> EmbeddedServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def _open(self) -> None:
        options = self.options
        batcher = None
        if options.micro_batching:
            batcher = Batcher(self._executor, options.max_batch_rows, options.batch_wait_seconds)
        services = Services(
            self.manager,
            batcher,
            self._executor,
            options.max_request_bytes,
            options.enable_serialization_as_tensor_content,
        )
        self._server = build_server(services, options)
        try:
            self.port = self._server.add_insecure_port(f"{options.host}:{options.port}")
        except RuntimeError as error:
            raise OSError(
                f"cannot listen on {options.host} port {options.port}: it is in use or not allowed;"
                " choose another with --port, or --port 0 for any free one"
            ) from error
        await self._server.start()

    def _load(self, name: str, version: int, path: str) -> Servable:
        return Servable(name, version, path, self.options.saved_model_tags)

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


def start_tensorflow() -> None:
    """Finds the devices, which TensorFlow does (and logs about) with the first session."""
    tf.compat.v1.Session(graph=tf.Graph()).close()
