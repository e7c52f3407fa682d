"""TF Serving's configuration files: models, batching, TLS, monitoring; protobuf text format."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

from serving.server.batch_rules import BatchRules
from serving.server.status import invalid
from serving.versions import ModelConfig
from serving.wire.messages import ModelServerConfig

_FIELD = descriptor_pb2.FieldDescriptorProto
_TYPES: dict[str, Any] = {
    "int64": _FIELD.TYPE_INT64,
    "bool": _FIELD.TYPE_BOOL,
    "string": _FIELD.TYPE_STRING,
}
# Messages that tensorflow-serving-api does not bring. Text format needs names and types only, so
# the numbers are not TF Serving's. `wrapped` is a message with the one field `value`.
_FILES: dict[str, dict[str, str]] = {
    "BatchingParameters": {
        "max_batch_size": "wrapped int64",
        "batch_timeout_micros": "wrapped int64",
        "max_enqueued_batches": "wrapped int64",
        "num_batch_threads": "wrapped int64",
        "thread_pool_name": "wrapped string",
        "allowed_batch_sizes": "repeated int64",
        "pad_variable_length_inputs": "bool",
        "enable_large_batch_splitting": "wrapped bool",
        "max_execution_batch_size": "wrapped int64",
    },
    "SSLConfig": {
        "server_key": "string",
        "server_cert": "string",
        "custom_ca": "string",
        "client_verify": "bool",
    },
    "PrometheusConfig": {"enable": "bool", "path": "string"},
    "MonitoringConfig": {"prometheus_config": "message PrometheusConfig"},
}


def load_models_config(path: str | Path) -> list[ModelConfig]:
    """Reads a models.config file.

    Args:
        path: A `ModelServerConfig`.

    Returns:
        The models.

    Raises:
        ValueError: The file is not one, or is empty, as one that is being written may be.
        StatusError: A model in it is not one that TF Serving would take.
    """
    config = _parse(path, ModelServerConfig())
    if not config.HasField("model_config_list"):
        raise ValueError(f"{path} holds no model_config_list")
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


def load_batching(path: str | Path) -> BatchRules:
    """Reads a batching parameters file.

    Raises:
        ValueError: The file is not one.
        StatusError: Its values can't be.
    """
    given = _parse(path, _message("BatchingParameters"))
    values = {
        name: getattr(given, name).value
        for name in (
            *("max_batch_size", "batch_timeout_micros", "max_enqueued_batches"),
            *("enable_large_batch_splitting", "max_execution_batch_size"),
        )
        if given.HasField(name)
    }
    rules = BatchRules(
        allowed_batch_sizes=tuple(given.allowed_batch_sizes),
        pad_variable_length_inputs=given.pad_variable_length_inputs,
        **values,
    )
    rules.check()
    return rules


def load_tls(path: str | Path) -> grpc.ServerCredentials:
    """Reads an SSL configuration file, whose PEM texts are in the file itself.

    Raises:
        ValueError: The file is not one, or its key and certificates are not.
    """
    given = _parse(path, _message("SSLConfig"))
    if not given.server_key or not given.server_cert:
        raise ValueError(f"{path}: needs server_key and server_cert, in PEM")
    _check_pems(path, given)
    return grpc.ssl_server_credentials(
        [(given.server_key.encode(), given.server_cert.encode())],
        root_certificates=given.custom_ca.encode() or None,
        require_client_auth=given.client_verify,
    )


def _check_pems(path: str | Path, given: Any) -> None:
    """Finds out now what gRPC would only call a port that it can't listen on."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")  # how strong they are is gRPC's to judge
    with tempfile.NamedTemporaryFile() as pem:  # which only this user can read
        pem.write(f"{given.server_key}\n{given.server_cert}\n".encode())
        pem.flush()
        try:
            context.load_cert_chain(pem.name, password="")
        except (ssl.SSLError, ValueError) as error:
            raise ValueError(
                f"{path}: server_key and server_cert are not the PEM texts of a private key and"
                f" its certificate: {error}"
            ) from error
    if given.custom_ca:
        try:
            context.load_verify_locations(cadata=given.custom_ca)
        except (ssl.SSLError, ValueError) as error:
            raise ValueError(f"{path}: custom_ca is not the PEM text of a certificate") from error


def load_monitoring(path: str | Path) -> str | None:
    """Reads a monitoring configuration file; returns the path of the metrics, if enabled."""
    given = _parse(path, _message("MonitoringConfig")).prometheus_config
    return (given.path or "/monitoring/prometheus/metrics") if given.enable else None


def _parse(path: str | Path, message: Any) -> Any:
    try:
        return text_format.Parse(Path(path).read_text(), message)
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise ValueError(f"Invalid protobuf file: '{path}': {error}") from error


def _message(name: str) -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="config.proto", package="t", syntax="proto3")
    for kind, number in _TYPES.items():
        file.message_type.add(name=f"Wrapped_{kind}").field.add(
            name="value", number=1, type=number, label=_FIELD.LABEL_OPTIONAL
        )
    for message, fields in _FILES.items():
        described = file.message_type.add(name=message)
        for number, (field, kind) in enumerate(fields.items(), start=1):
            *how, kind = kind.split()
            added = described.field.add(name=field, number=number, label=_FIELD.LABEL_OPTIONAL)
            if how == ["wrapped"]:
                added.type, added.type_name = _FIELD.TYPE_MESSAGE, f".t.Wrapped_{kind}"
            elif how == ["message"]:
                added.type, added.type_name = _FIELD.TYPE_MESSAGE, f".t.{kind}"
            else:
                added.type = _TYPES[kind]
            if how == ["repeated"]:
                added.label = _FIELD.LABEL_REPEATED
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"t.{name}"))()
