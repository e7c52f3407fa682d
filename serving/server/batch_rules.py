"""The rules that a TF Serving with `--enable_batching` puts on requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from serving.server.predict import Call
from serving.server.status import StatusError, invalid


@dataclass(frozen=True)
class BatchRules:
    """TF Serving's batching parameters, with its defaults.

    Attributes:
        max_batch_size: Rows in one batch at most.
        batch_timeout_micros: How long a request waits for company at most.
        max_enqueued_batches: Refuse requests beyond so many full batches in the queue.
        allowed_batch_sizes: Pad batches to one of these.
        enable_large_batch_splitting: Take requests larger than a batch, in pieces.
        max_execution_batch_size: The largest piece; by default a batch.
        pad_variable_length_inputs: Batch requests of different row shapes, padded to the largest;
            otherwise they run apart.
    """

    max_batch_size: int = 1000
    batch_timeout_micros: int = 0
    max_enqueued_batches: int = 10
    allowed_batch_sizes: tuple[int, ...] = ()
    enable_large_batch_splitting: bool = False
    max_execution_batch_size: int = 0
    pad_variable_length_inputs: bool = False

    def check(self) -> None:
        """Refuses parameters that can't be, or that contradict each other."""
        if self.max_batch_size < 1:
            raise invalid(f"max_batch_size must be positive; was {self.max_batch_size}")
        for name in ("batch_timeout_micros", "max_enqueued_batches", "max_execution_batch_size"):
            if (value := getattr(self, name)) < 0:
                raise invalid(f"{name} must be non-negative; was {value}")
        sizes = self.allowed_batch_sizes
        last = self.max_execution_batch_size or self.max_batch_size
        if list(sizes) != sorted(set(sizes)):
            raise invalid("allowed_batch_sizes entries must be monotonically increasing")
        if sizes and sizes[-1] != last:
            raise invalid(
                "Last entry in allowed_batch_sizes must match max_batch_size; last entry was"
                f" {sizes[-1]}; expected {last}"
            )

    def admit(self, call: Call) -> None:
        """Refuses a request that such a server would refuse."""
        if any(array.ndim == 0 for array in call.feeds.values()):
            raise invalid("Batching Run() input tensors must have at least one dimension")
        counts = {len(array) for array in call.feeds.values()}
        if len(counts) > 1:
            raise invalid("Batching Run() input tensors must have equal 0th-dimension size")
        rows = counts.pop() if counts else 0
        if rows > self.max_batch_size:
            raise invalid(
                f"Task size {rows} is larger than maximum input batch size {self.max_batch_size}"
            )

    def run(self, call: Call) -> list[np.ndarray]:
        """Runs one batch, cut and padded to the allowed sizes."""
        rows = len(next(iter(call.feeds.values()))) if call.feeds else 0
        step = max(1, self.max_execution_batch_size or self.max_batch_size)
        pieces = [self._run_piece(call, at, step) for at in range(0, max(rows, 1), step)]
        return [np.concatenate(arrays) for arrays in zip(*pieces, strict=True)]

    def _run_piece(self, call: Call, start: int, step: int) -> list[np.ndarray]:
        feeds = {name: array[start : start + step] for name, array in call.feeds.items()}
        rows = min((len(array) for array in feeds.values()), default=0)
        padded = next((size for size in self.allowed_batch_sizes if size >= rows), rows)
        if 0 < rows < padded:
            feeds = {
                name: np.concatenate([array, np.repeat(array[-1:], padded - rows, axis=0)])
                for name, array in feeds.items()
            }
        arrays: list[Any] = call.servable.run(call.signature, feeds, call.outputs)
        for name, array in zip(call.outputs, arrays, strict=True):
            if array.ndim == 0 or len(array) != max(padded, rows):
                raise StatusError(
                    "FAILED_PRECONDITION",
                    "Batched output tensor's 0th dimension does not equal the sum of the 0th"
                    f" dimension sizes of the input tensors: output {name}",
                )
        return [array[:rows] for array in arrays]


def pad(arrays: list[np.ndarray]) -> list[np.ndarray]:
    """Makes rows of arrays the same shape; as in TF Serving, the first value of each fills it up.

    Raises:
        StatusError: One has no value to take.
    """
    if len({array.shape[1:] for array in arrays}) == 1:
        return arrays
    largest = tuple(max(sizes) for sizes in zip(*(a.shape[1:] for a in arrays), strict=True))
    return [array if array.shape[1:] == largest else _fill(array, largest) for array in arrays]


def _fill(array: np.ndarray, row: tuple[int, ...]) -> np.ndarray:
    if not array.size:
        raise invalid("Got empty tensor in batch of non-empty tensors.")
    full = np.full((len(array), *row), array.flat[0], dtype=array.dtype)
    full[tuple(slice(size) for size in array.shape)] = array
    return full
