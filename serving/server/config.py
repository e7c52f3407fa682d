"""The server's options, and models.config files in protobuf text format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.protobuf import text_format

from serving.server.repository import ModelConfig
from serving.server.status import invalid
from serving.wire.messages import ModelServerConfig


@dataclass(frozen=True)
class ServerOptions:
    """How the embedded server listens, loads and runs.

    Attributes:
        host: Address to listen on; `0.0.0.0` for all.
        port: gRPC port; 0 takes a free one.
        file_system_poll_wait_seconds: How often to look for new versions.
        max_num_load_retries: How often to try again to load a version that failed.
        load_retry_interval_micros: How long to wait between tries.
        allow_version_labels_for_unavailable_models: Accept such labels.
        saved_model_tags: Tags of the graph to load.
        enable_serialization_as_tensor_content: Answer in `tensor_content`.
        micro_batching: Run small requests that come at the same time together.
        max_batch_rows: Rows in one such batch.
        batch_wait_seconds: How long to wait for company at most.
        max_request_bytes: Refuse larger messages.
        max_concurrent_requests: Refuse more at once.
        drain_seconds: How long requests in flight may take when the server stops.
        threads: Models that run at the same time.
    """

    host: str = "127.0.0.1"
    port: int = 0
    file_system_poll_wait_seconds: float = 1.0
    max_num_load_retries: int = 5
    load_retry_interval_micros: int = 60_000_000
    allow_version_labels_for_unavailable_models: bool = False
    saved_model_tags: Sequence[str] = field(default=("serve",))
    enable_serialization_as_tensor_content: bool = False
    micro_batching: bool = True
    max_batch_rows: int = 256
    batch_wait_seconds: float = 0.001
    max_request_bytes: int = 512 << 20
    max_concurrent_requests: int = 4096
    drain_seconds: float = 10.0
    threads: int = 2


def load_models_config(path: str | Path) -> list[ModelConfig]:
    """Reads a models.config file.

    Args:
        path: A `ModelServerConfig` in text format.

    Returns:
        The models.

    Raises:
        ValueError: The file is not one.
        StatusError: A model in it is not one that TF Serving would take.
    """
    text = Path(path).read_text()
    try:
        config = text_format.Parse(text, ModelServerConfig())
    except text_format.ParseError as error:
        raise ValueError(f"Invalid protobuf file: '{path}': {error}") from error
    return read_models(config)


def read_models(config: Any) -> list[ModelConfig]:
    """Reads the models of a `ModelServerConfig`.

    Raises:
        StatusError: A model is not one that TF Serving would take.
    """
    models = []
    for entry in config.model_config_list.config:
        if not entry.model_platform and not entry.model_type:
            raise invalid(
                "Illegal setting neither ModelServerConfig::model_type (deprecated) nor"
                f" ModelServerConfig::model_platform, model name is {entry.name}"
            )
        if entry.model_platform not in ("", "tensorflow"):
            raise invalid(
                f"Model {entry.name} requests unsupported platform {entry.model_platform}"
            )
        policy = entry.model_version_policy
        models.append(
            ModelConfig(
                name=entry.name,
                base_path=entry.base_path,
                latest=policy.latest.num_versions or 1,
                specific=frozenset(policy.specific.versions),
                every=policy.WhichOneof("policy_choice") == "all",
                labels=dict(entry.version_labels),
            )
        )
    return models
