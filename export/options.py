"""What publishing may be asked for, and what it does by default."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str], None]
PRECISIONS = ("float32", "bfloat16", "float16", "int8")
CHECK_BATCH_SIZES = (1, 3, 64)
WARMUP_BATCH_SIZES = (1, 8, 32, 128)
TOLERANCE = 1e-4
REDUCED_TOLERANCE = 0.05
MAX_BITS_CHANGED = 0.01
