"""The options of the embedded server."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

import grpc

from serving.server.batch_rules import BatchRules


@dataclass(frozen=True)
class ServerOptions:
    """How the embedded server listens, loads and runs.

    Attributes:
        host: Address to listen on; `0.0.0.0` for all.
        port: gRPC port; 0 takes a free one.
        grpc_socket_path: Listen on this Unix socket too.
        rest_api_port: Port of the REST API; None for none, 0 takes a free one.
        rest_api_timeout_in_ms: How long one of its answers may take.
        rest_api_enable_cors_support: Let pages of other sites call it.
        grpc_channel_arguments: gRPC's own settings, by name.
        credentials: For TLS.
        metrics_path: Where the REST port shows Prometheus metrics; None for nowhere.
        enable_grpc_healthcheck_service: Answer gRPC health checks.
        file_system_poll_wait_seconds: How often to look for new versions.
        max_num_load_retries: How often to try again to load a version that failed.
        load_retry_interval_micros: How long to wait between tries.
        enable_model_warmup: Run a version's recorded requests before it counts as available.
        num_request_iterations_for_warmup: How often to run each of them.
        num_load_threads: Versions that may load at the same time; 0 and 1 for one.
        allow_version_labels_for_unavailable_models: Accept such labels, if they are new.
        saved_model_tags: Tags of the graph to load.
        onnxruntime: Answer by ONNX Runtime where a version has files for it.
        tensorflow_intra_op_parallelism: Cores that one operation may use, in the whole process
            and from its first model on; 0 for all.
        tensorflow_inter_op_parallelism: Models that run at the same time; 0 for as many as there
            are cores.
        model_config_file: A file of models to serve.
        model_config_file_poll_wait_seconds: How often to read it again; 0 never.
        enable_serialization_as_tensor_content: Answer in `tensor_content`.
        batching: TF Serving's batching, by its rules; None for none.
        enable_per_model_batching_parameters: Take the rules from `batching_params.pbtxt` in the
            version's directory instead; none for a version without.
        micro_batching: Without those, run small requests that come at the same time together
            where the answers stay the same.
        max_batch_rows: Rows in one such batch.
        max_request_bytes: Refuse larger messages.
        max_concurrent_requests: Refuse more at once.
        drain_seconds: How long requests in flight may take when the server stops.
    """

    host: str = "127.0.0.1"
    port: int = 0
    grpc_socket_path: str | None = None
    rest_api_port: int | None = None
    rest_api_timeout_in_ms: int = 30_000
    rest_api_enable_cors_support: bool = False
    grpc_channel_arguments: Sequence[tuple[str, int | str]] = ()
    credentials: grpc.ServerCredentials | None = None
    metrics_path: str | None = None
    enable_grpc_healthcheck_service: bool = False
    file_system_poll_wait_seconds: float = 1.0
    max_num_load_retries: int = 5
    load_retry_interval_micros: int = 60_000_000
    enable_model_warmup: bool = True
    num_request_iterations_for_warmup: int = 0
    num_load_threads: int = 0
    allow_version_labels_for_unavailable_models: bool = False
    saved_model_tags: Sequence[str] = field(default=("serve",))
    onnxruntime: bool = False
    tensorflow_intra_op_parallelism: int = 0
    tensorflow_inter_op_parallelism: int = 0
    model_config_file: str | None = None
    model_config_file_poll_wait_seconds: float = 0.0
    enable_serialization_as_tensor_content: bool = False
    batching: BatchRules | None = None
    enable_per_model_batching_parameters: bool = False
    micro_batching: bool = True
    max_batch_rows: int = 256
    max_request_bytes: int = 512 << 20
    max_concurrent_requests: int = 4096
    drain_seconds: float = 10.0

    @property
    def threads(self) -> int:
        """Models that run at the same time."""
        return self.tensorflow_inter_op_parallelism or os.cpu_count() or 1
