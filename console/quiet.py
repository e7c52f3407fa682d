"""Starts TensorFlow without its notes to developers."""

from __future__ import annotations

import os
import sys
import tempfile


def start_tensorflow() -> None:
    """Imports TensorFlow and Keras and starts the runtime, silently.

    TensorFlow's C++ parts write a dozen lines about CPUs and GPUs to stderr before any setting
    of theirs is read, so stderr is put aside meanwhile; it is shown if the start fails. With
    `AEZOO_DEBUG=1` nothing is put aside.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if os.environ.get("AEZOO_DEBUG"):
        _start()
        return
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as aside:
        os.dup2(aside.fileno(), 2)
        try:
            _start()
        except BaseException:
            aside.seek(0)
            os.write(terminal, aside.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)


def _start() -> None:
    import keras  # noqa: F401
    import tensorflow as tf

    tf.constant(0) + 0
