"""The embedded model server; needs TensorFlow."""

from serving.server.config import ServerOptions, load_models_config
from serving.server.embedded import EmbeddedServer, start_tensorflow
from serving.server.repository import ModelConfig, find_models
from serving.server.status import StatusError

__all__ = [
    "EmbeddedServer",
    "ModelConfig",
    "ServerOptions",
    "StatusError",
    "find_models",
    "load_models_config",
    "start_tensorflow",
]
