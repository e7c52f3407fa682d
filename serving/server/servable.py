"""One loaded version of a model: a TF1 session on its graph, as the real server runs it."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2

from serving.server import onnx_engine
from serving.server.signature import read_signature
from serving.server.status import StatusError
from serving.wire.messages import SignatureDef

if TYPE_CHECKING:
    from serving.server.batch_rules import BatchRules

log = logging.getLogger("serving")
_BFLOAT16 = 14
_PLANS = 256  # ways to combine outputs that are kept ready


def session_config(cores: int) -> config_pb2.ConfigProto:
    """How a session uses the machine.

    Args:
        cores: Cores that one operation may use; 0 for all.
    """
    config = config_pb2.ConfigProto(intra_op_parallelism_threads=cores)
    # Threads that spin take the cores from requests.
    config.experimental.disable_thread_spinning = True
    return config


class Servable:
    """A SavedModel in memory.

    It is loaded the way TF Serving loads it (graph, variables and tables in a session, no
    Python objects), so a model that would fail there fails here.

    Args:
        name: Name of the model.
        version: Its version.
        path: The version's directory.
        tags: Tags of the graph to load.
        cores: Cores that one operation may use; 0 for all. TensorFlow keeps the first choice of
            a process.
        onnx_threads: Let ONNX Runtime answer where the version has files for it, on so many
            cores a request; 0 for TensorFlow alone.

    Raises:
        StatusError: There is no loadable model in the directory.
    """

    def __init__(
        self,
        name: str,
        version: int,
        path: str,
        tags: Sequence[str] = ("serve",),
        cores: int = 0,
        onnx_threads: int = 0,
        rules: BatchRules | None = None,
    ):
        self.name, self.version, self.path, self.rules = name, version, path, rules
        if os.path.isfile(path):
            raise StatusError(
                "FAILED_PRECONDITION",
                "Error while attempting to reserve resources to load servable"
                f" {{name: {name} version: {version}}}: {path}; Not a directory",
            )
        if not os.path.isfile(os.path.join(path, "saved_model.pb")):
            raise StatusError(
                "NOT_FOUND",
                f"Could not find SavedModel .pb or .pbtxt at supplied export directory path:"
                f" {path}. Specified file path does not appear to contain a SavedModel bundle"
                " (should have a file called `saved_model.pb`)",
            )
        graph = tf.Graph()
        self._session = tf.compat.v1.Session(graph=graph, config=session_config(cores))
        try:
            with graph.as_default():
                meta = tf.compat.v1.saved_model.load(self._session, list(tags), path)
        except BaseException as error:
            self._session.close()
            if isinstance(error, OSError):  # what the loader raises for a file that is no graph
                raise StatusError("OUT_OF_RANGE", "Read less bytes than requested") from error
            raise
        self.signatures: dict[str, Any] = {
            key: SignatureDef.FromString(definition.SerializeToString())
            for key, definition in meta.signature_def.items()
        }
        self.prepared = {
            key: read_signature(name, version, key, definition)
            for key, definition in self.signatures.items()
        }
        self._onnx = onnx_engine.load(path, self.signatures, onnx_threads) if onnx_threads else {}
        self._plans: dict[Any, Any] = {}
        self._lock = threading.Lock()
        self._users = 0
        self._closing = False

    def run(
        self, signature: str, feeds: Mapping[str, np.ndarray], outputs: Sequence[str]
    ) -> list[np.ndarray]:
        """Computes outputs of a signature.

        Args:
            signature: Its name.
            feeds: Input name to array, of the dtypes that the signature declares.
            outputs: Which outputs.

        Returns:
            One array for each.

        Raises:
            tf.errors.OpError: The graph refused.
        """
        if (onnx := self._onnx.get(signature)) is not None:
            try:
                return onnx(feeds, outputs)
            except Exception:
                # TensorFlow takes more (any batch size, for one), and words its own refusals.
                log.debug("%s %s: left to TensorFlow", self.name, signature, exc_info=True)
        names = tuple(sorted(feeds))
        plan = self._plan(signature, names, tuple(outputs))
        dtypes = self.prepared[signature].inputs
        arrays = [
            feeds[name].astype(ml_dtypes.bfloat16)
            if dtypes[name] == _BFLOAT16
            else np.asarray(feeds[name], order="C")
            for name in names
        ]
        return plan(*arrays)

    def acquire(self) -> None:
        """Counts a request in."""
        with self._lock:
            self._users += 1

    def release(self) -> None:
        """Counts a request out; the last one out of a version that is unloaded closes it."""
        with self._lock:
            self._users -= 1
            last = self._closing and self._users == 0
        if last:
            self._session.close()

    def __enter__(self) -> Servable:
        """In use, since `acquire`."""
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def close(self) -> None:
        """Frees the model once the requests in flight are answered."""
        with self._lock:
            self._closing = True
            idle = self._users == 0
        if idle:
            self._session.close()

    def _plan(self, signature: str, feeds: tuple[str, ...], outputs: tuple[str, ...]) -> Any:
        key = (signature, feeds, outputs)
        plan = self._plans.get(key)
        if plan is not None:
            return plan
        definition = self.signatures[signature]
        callable_options = config_pb2.CallableOptions(
            feed=[definition.inputs[name].name for name in feeds],
            fetch=[definition.outputs[name].name for name in outputs],
        )
        # On the caller's thread: handing small models to a pool costs more than it gains, by half
        # at one row. Operations still use the intra-op pool.
        callable_options.run_options.inter_op_thread_pool = -1
        with self._lock:
            if len(self._plans) >= _PLANS:
                self._plans.clear()
            # Session.run converts and copies in Python for as long as a small model takes;
            # this is the C call that Keras used for its own sessions.
            plan = self._session._make_callable_from_options(callable_options)
            self._plans[key] = plan
        return plan
