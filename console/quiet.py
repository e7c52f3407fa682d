"""Starts TensorFlow without its notes to developers."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def quiet_start() -> Iterator[None]:
    """Puts aside what native code writes to stderr in the block; shows it if the block fails.

    TensorFlow's C++ parts write a dozen lines about CPUs and GPUs before any setting of theirs
    is read. With `AEZOO_DEBUG=1` nothing is put aside.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if os.environ.get("AEZOO_DEBUG"):
        yield
        return
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as aside:
        os.dup2(aside.fileno(), 2)
        try:
            yield
        except BaseException:
            aside.seek(0)
            os.write(terminal, aside.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)


def start_tensorflow() -> None:
    """Imports TensorFlow and Keras and starts the runtime, quietly."""
    with quiet_start():
        import keras  # noqa: F401
        import tensorflow as tf

        tf.constant(0) + 0
