"""What the C library does with memory that large requests leave behind."""

from __future__ import annotations

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of mallopt(3)


def keep_freed_memory() -> None:
    """Keeps it in the process, for the next request.

    By default each tensor of more than 128 KiB gets fresh pages of the system: to have them
    cleared takes longer than to copy and decode the tensor. Does nothing where the C library is
    not glibc.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_MMAP_THRESHOLD, 32 << 20)
    mallopt(_TRIM_THRESHOLD, 256 << 20)
