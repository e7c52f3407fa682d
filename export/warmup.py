"""Warm-up requests: what a server runs before it calls a version available."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from export.check import Exchange
from export.golden import request_log

WARMUP_FILE = "tf_serving_warmup_requests"
# TF Serving fails to load a version with more records than this.
MAX_RECORDS = 1000
_MAX_BYTES = 64 * 2**20


def write(path: Path, name: str, exchanges: Sequence[Exchange]) -> int:
    """Writes `assets.extra/tf_serving_warmup_requests`, the smallest requests first.

    A record that fails would keep the version from loading, so pass only what was answered.
    Requests beyond 1,000 or 64 MiB in total are left out.

    Args:
        path: The SavedModel's folder.
        name: The model's name, set in the requests.
        exchanges: Requests that the SavedModel has answered.

    Returns:
        The number of records.
    """
    (path / "assets.extra").mkdir(exist_ok=True)
    size = count = 0
    with tf.io.TFRecordWriter(str(path / "assets.extra" / WARMUP_FILE)) as writer:
        for exchange in sorted(exchanges, key=lambda exchange: exchange.rows)[:MAX_RECORDS]:
            record = request_log(name, exchange).SerializeToString()
            size += len(record)
            if size > _MAX_BYTES:
                break
            writer.write(record)
            count += 1
    return count
