"""The embedded model server; needs TensorFlow."""

from serving.server.batch_rules import BatchRules
from serving.server.config import ServerOptions
from serving.server.embedded import EmbeddedServer, start_tensorflow
from serving.server.memory import keep_freed_memory
from serving.server.onnx_engine import check_installed as check_onnxruntime
from serving.server.status import StatusError
from serving.server.text_config import (
    load_batching,
    load_models_config,
    load_monitoring,
    load_tls,
)
from serving.versions import ModelConfig, find_models, find_versions

__all__ = [
    "BatchRules",
    "EmbeddedServer",
    "ModelConfig",
    "ServerOptions",
    "StatusError",
    "check_onnxruntime",
    "find_models",
    "find_versions",
    "keep_freed_memory",
    "load_batching",
    "load_models_config",
    "load_monitoring",
    "load_tls",
    "start_tensorflow",
]
