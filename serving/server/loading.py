"""Loads versions, with what their directories bring beside the model."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from serving.server.batch_rules import BatchRules
from serving.server.config import ServerOptions
from serving.server.metrics import Metrics
from serving.server.servable import Servable
from serving.server.status import invalid
from serving.server.text_config import load_batching
from serving.server.warmup import warm_up
from serving.versions import BATCHING_PARAMETERS


@dataclass(frozen=True)
class Loader:
    """Loads a version as the options say.

    Attributes:
        options: The server's.
        metrics: Where the times of warm-ups go.
    """

    options: ServerOptions
    metrics: Metrics

    def __call__(self, name: str, version: int, path: str) -> Servable:
        """Loads, and warms up.

        Raises:
            StatusError: Its batching parameters can't be, or there is no loadable model.
            Exception: What TensorFlow raises, or one of the recorded requests.
        """
        cores = self.options.tensorflow_intra_op_parallelism
        servable = Servable(
            name,
            version,
            path,
            self.options.saved_model_tags,
            cores,
            onnx_threads=(cores or os.cpu_count() or 1) if self.options.onnxruntime else 0,
            rules=self._rules(path),
        )
        if self.options.enable_model_warmup:
            try:
                self._warm_up(servable)
            except BaseException:
                servable.close()
                raise
        return servable

    def _rules(self, path: str) -> BatchRules | None:
        rules = self.options.batching
        if rules and self.options.enable_per_model_batching_parameters:
            file = os.path.join(path, BATCHING_PARAMETERS)
            try:
                return load_batching(file) if os.path.exists(file) else None
            except ValueError as error:
                raise invalid(str(error)) from error
        if rules:
            rules.check()
        return rules

    def _warm_up(self, servable: Servable) -> None:
        start = time.perf_counter()
        times = max(1, self.options.num_request_iterations_for_warmup)
        if warm_up(servable, self.options.max_request_bytes, times):
            seconds = time.perf_counter() - start
            labels = (("model_name", servable.name),)
            self.metrics.latency("model_warmup_latency", labels, seconds)
