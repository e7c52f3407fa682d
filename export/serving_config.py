"""TF Serving's configuration files, as protobuf text: models, batching, monitoring."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from export import card
from export.versions import list_versions

MODELS_FILE = "models.config"
LOAD_FILE = "models.load.config"
BATCHING_FILE = "batching_parameters.txt"
MONITORING_FILE = "monitoring.config"
FLAGS_FILE = "flags.txt"


@dataclasses.dataclass(frozen=True)
class Model:
    """One model in the configuration.

    Args:
        name: The model's name.
        path: The base path as the server sees it, absolute or a URI.
        labels: Labels to versions, such as `{"stable": 3, "canary": 4}`; those versions are
            then served and no other. Without labels the newest is.
    """

    name: str
    path: str
    labels: Mapping[str, int] = dataclasses.field(default_factory=dict)


def model_names(base: Path) -> list[str]:
    """Names of the models under a base folder that have a version, sorted.

    Raises:
        FileNotFoundError: If there is no such folder.
    """
    if not base.is_dir():
        raise FileNotFoundError(f"no folder at {base}; expected the BASE given to publish")
    return [
        child.name
        for child in sorted(base.iterdir())
        if child.is_dir() and not child.name.startswith(".") and list_versions(child)
    ]


def check_labels(base: str | os.PathLike[str], name: str, labels: Mapping[str, int]) -> None:
    """Refuses labels of versions that a server could not load.

    Raises:
        FileNotFoundError: If there is no such model.
        ValueError: If a version is missing or damaged.
    """
    present = list_versions(Path(base) / name)
    for label, version in labels.items():
        if version not in present:
            raise ValueError(
                f"label {label} must name a version of {name}, one of {list(present)}. "
                f"Received: {version}"
            )
        wrong = card.damage(present[version])
        if wrong:
            raise ValueError(f"label {label}: version {version} of {name} is damaged: {wrong}")


def models_config(models: Sequence[Model], with_labels: bool = True) -> str:
    """`models.config`: which models and versions are served, and under which labels.

    A running server refuses a label on a version that it has not loaded yet. So reload first
    the configuration without labels, wait until the versions are available, then the one with.

    Args:
        models: The models.
        with_labels: Whether to set the labels; the versions they name are served either way.

    Returns:
        Text of a `tensorflow.serving.ModelServerConfig`.

    Raises:
        ValueError: If a path is relative or a name is there twice.
    """
    config = model_server_config_pb2.ModelServerConfig()
    for model in models:
        if not (model.path.startswith("/") or "://" in model.path):
            raise ValueError(f"base path must be absolute or a URI. Received: {model.path}")
        if model.name in [entry.name for entry in config.model_config_list.config]:
            raise ValueError(f"a model may be listed once. Received twice: {model.name}")
        entry = config.model_config_list.config.add(
            name=model.name, base_path=model.path, model_platform="tensorflow"
        )
        if model.labels:
            served = sorted(set(model.labels.values()))
            entry.model_version_policy.specific.versions.extend(served)
        else:
            entry.model_version_policy.latest.num_versions = 1
        if with_labels:
            entry.version_labels.update(model.labels)
    return text_format.MessageToString(config)


def named_versions(file: str | os.PathLike[str], name: str) -> set[int]:
    """The versions of a model that a `models.config` names in a policy or by a label.

    Args:
        file: A `models.config`.
        name: The model's name.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no ModelServerConfig.
    """
    config = model_server_config_pb2.ModelServerConfig()
    try:
        text_format.Parse(Path(file).read_text(encoding="utf-8"), config)
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} is not a TF Serving model configuration: {error}") from error
    named: set[int] = set()
    for entry in config.model_config_list.config:
        if entry.name == name:
            named.update(entry.model_version_policy.specific.versions)
            named.update(entry.version_labels.values())
    return named


def batching_parameters(batch_sizes: Sequence[int], threads: int) -> str:
    """`--batching_parameters_file`: requests are put together up to the largest batch size.

    Every size has a warm-up request in the version. A request of more rows than the largest is
    refused by the server.

    Args:
        batch_sizes: The allowed batch sizes.
        threads: Batches run at once: the server's CPU cores.

    Returns:
        Text of a `tensorflow.serving.BatchingParameters`.
    """
    sizes = sorted(set(batch_sizes))
    lines = [
        f"max_batch_size {{ value: {sizes[-1]} }}",
        "batch_timeout_micros { value: 500 }",
        f"max_enqueued_batches {{ value: {100 * threads} }}",
        f"num_batch_threads {{ value: {threads} }}",
        *(f"allowed_batch_sizes: {size}" for size in sizes),
    ]
    return "\n".join(lines) + "\n"


def monitoring_config() -> str:
    """`--monitoring_config_file`: Prometheus metrics on the REST port."""
    return 'prometheus_config { enable: true, path: "/monitoring/prometheus/metrics" }\n'


def write(
    base: str | os.PathLike[str],
    out: str | os.PathLike[str],
    labels: Mapping[str, Mapping[str, int]],
    server_base: str | None = None,
    threads: int = 2,
    tuning: str | os.PathLike[str] | None = None,
) -> list[Path]:
    """Writes the files for all models under a base folder.

    Args:
        base: The base folder given to `publish`.
        out: Folder to write to, made if absent.
        labels: For each model its labels.
        server_base: The base folder as the server sees it, `/models` in a container; `base` if
            omitted.
        threads: The server's CPU cores.
        tuning: Folder that `benchmarks/serving.py --tune` wrote: its batching parameters and flags
            are taken in place of the defaults; if these batch, they name the parameters' file.

    Returns:
        The files written.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If there are no models, or a label is not usable.
    """
    tuned = {} if tuning is None else _read_tuning(Path(tuning))
    base = Path(base).absolute()
    names = model_names(base)
    unknown = sorted(set(labels) - set(names))
    if unknown or not names:
        raise ValueError(f"models under {base}: {names}. Received labels of: {unknown}")
    root = (server_base or str(base)).rstrip("/")
    models = []
    sizes: set[int] = set()
    for name in names:
        check_labels(base, name, labels.get(name, {}))
        models.append(Model(name, f"{root}/{name}", labels.get(name, {})))
        newest = list(list_versions(base / name).values())[-1]
        sizes.update(card.read(newest).get("batch_sizes", []))
    texts = {
        MODELS_FILE: models_config(models),
        BATCHING_FILE: batching_parameters(sorted(sizes) or [1], threads),
        MONITORING_FILE: monitoring_config(),
        **tuned,
    }
    if labels:
        texts[LOAD_FILE] = models_config(models, with_labels=False)
    out = Path(out)
    if "--enable_batching=true" in tuned.get(FLAGS_FILE, "").split():
        texts[FLAGS_FILE] += f"--batching_parameters_file={out.absolute() / BATCHING_FILE}\n"
    out.mkdir(parents=True, exist_ok=True)
    for file, text in texts.items():
        (out / file).write_text(text, encoding="utf-8")
    return [out / file for file in texts]


def _read_tuning(folder: Path) -> dict[str, str]:
    texts = {}
    for file, needed in ((BATCHING_FILE, "max_batch_size"), (FLAGS_FILE, "--")):
        path = folder / file
        if not path.is_file():
            raise FileNotFoundError(
                f"no {file} in {folder}; expected the folder that "
                "python -m benchmarks.serving --tune wrote"
            )
        texts[file] = path.read_text(encoding="utf-8")
        if needed not in texts[file]:
            raise ValueError(f"{path} must hold {needed}. Received: {texts[file][:80]!r}")
    return texts
