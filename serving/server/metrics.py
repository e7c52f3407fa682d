"""Counts and latencies, under TF Serving's Prometheus names."""

from __future__ import annotations

import bisect
import threading
import time
from collections import defaultdict
from types import TracebackType

from serving.server.status import from_exception

_BOUNDS = [10 * 1.8**power for power in range(33)]  # microseconds
_COUNT = ":tensorflow:serving:request_count"
_HELP = {
    _COUNT: "The total number of requests.",
    ":tensorflow:serving:request_latency": "Distribution of wall time of requests (microseconds).",
    ":tensorflow:serving:model_warmup_latency": "Distribution of warm-up time (microseconds).",
}


class Metrics:
    """Thread-safe counters; `render` gives Prometheus' text format."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, str], int] = defaultdict(int)
        self._latencies: dict[tuple[str, tuple[tuple[str, str], ...]], list[float]] = {}

    def request(self, model: str, api: str, entrypoint: str) -> Timed:
        """Times and counts one request, as a context manager."""
        return Timed(self, model, api, entrypoint)

    def count(self, model: str, status: str) -> None:
        """Counts a request that was answered."""
        with self._lock:
            self._counts[model, status] += 1

    def latency(self, name: str, labels: tuple[tuple[str, str], ...], seconds: float) -> None:
        """Adds one observation to a histogram."""
        micros = seconds * 1e6
        key = (f":tensorflow:serving:{name}", labels)
        with self._lock:
            cells = self._latencies.setdefault(key, [0.0] * (len(_BOUNDS) + 2))
            cells[bisect.bisect_left(_BOUNDS, micros)] += 1
            cells[-1] += micros

    def render(self) -> str:
        """Returns all metrics as Prometheus reads them."""
        lines = []
        with self._lock:
            if self._counts:
                lines += [f"# HELP {_COUNT} {_HELP[_COUNT]}", f"# TYPE {_COUNT} counter"]
            for (model, status), count in sorted(self._counts.items()):
                lines.append(f'{_COUNT}{{model_name="{_escape(model)}",status="{status}"}} {count}')
            told = set()
            for (name, labels), cells in sorted(self._latencies.items()):
                if name not in told:
                    told.add(name)
                    lines += [f"# HELP {name} {_HELP[name]}", f"# TYPE {name} histogram"]
                text = ",".join(f'{key}="{_escape(value)}"' for key, value in labels)
                total = 0.0
                for bound, cell in zip([*_BOUNDS, float("inf")], cells, strict=False):
                    total += cell
                    edge = "+Inf" if bound == float("inf") else f"{bound:g}"
                    lines.append(f'{name}_bucket{{{text},le="{edge}"}} {total:g}')
                lines.append(f"{name}_sum{{{text}}} {cells[-1]:g}")
                lines.append(f"{name}_count{{{text}}} {total:g}")
        return "\n".join(lines) + "\n"


class Timed:
    """One request, from its making to `end` or to the end of a `with`."""

    def __init__(self, metrics: Metrics, model: str, api: str, entrypoint: str):
        self._metrics = metrics
        self._model = model
        self._labels = (("model_name", model), ("API", api), ("entrypoint", entrypoint))
        self._start = time.perf_counter()

    def end(self, error: BaseException | None) -> None:
        """Counts the request, under the code of its error if there is one."""
        status = "OK" if error is None else from_exception(error).code.name
        self._metrics.count(self._model, status)
        self._metrics.latency("request_latency", self._labels, time.perf_counter() - self._start)

    def __enter__(self) -> None:
        """Runs since it was made."""

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(error)


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
