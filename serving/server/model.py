"""What the server knows of a model and of each of its versions."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from serving.server.servable import Servable
from serving.server.status import StatusError, invalid
from serving.versions import ModelConfig, Stamp, find_versions


class State(IntEnum):
    """States of a version, as GetModelStatus numbers them."""

    START = 10
    LOADING = 20
    AVAILABLE = 30
    UNLOADING = 40
    END = 50


@dataclass
class Version:
    """What is known of one version."""

    path: str
    state: State = State.START
    error: StatusError | None = None
    servable: Servable | None = None
    attempts: int = 0
    retry_at: float = 0.0
    stamp: Stamp = ()


@dataclass
class Model:
    """A configured model and its versions.

    Attributes:
        looked: Somebody has looked for versions.
    """

    config: ModelConfig
    versions: dict[int, Version] = field(default_factory=dict)
    looked: bool = False

    def available(self) -> dict[int, Version]:
        """The versions that answer requests."""
        return {n: v for n, v in self.versions.items() if v.state is State.AVAILABLE}

    def nothing_to_serve(self) -> str:
        """Says that none of the wanted versions is there."""
        config = self.config
        present = find_versions(config.base_path)
        if present is None:
            return f"model {config.name}: cannot read {config.base_path}"
        wanted = ", ".join(map(str, sorted(config.specific)))
        asked = f" {wanted}, which its configuration asks for" if wanted else ""
        there = f"; it holds {', '.join(map(str, sorted(present)))}" if present else ""
        return f"model {config.name}: {config.base_path} has no version{asked}{there}"


def refuse_failed(models: Mapping[str, Model]) -> None:
    """Refuses models of which every wanted version has failed.

    Raises:
        StatusError: There are such; says which versions, and why.
    """
    failed = [
        f"{{name: {name} version: {number}}} due to error: {v.error.code.name}: {v.error.message}"
        for name, model in models.items()
        if all(v.error for v in model.versions.values())
        for number, v in sorted(model.versions.items())
        if v.error
    ]
    if failed:
        raise StatusError(
            "UNKNOWN",
            f"{len(failed)} servable(s) did not become available: {{{', '.join(failed)}}}",
        )


def check_configs(configs: Iterable[ModelConfig]) -> set[str]:
    """Refuses what TF Serving refuses; returns the names.

    Raises:
        StatusError: A name is empty or there twice, or a path is relative.
    """
    names: set[str] = set()
    for config in configs:
        if not config.name:
            raise invalid("Expected model to have a name; received an empty one")
        if not os.path.isabs(config.base_path) and "://" not in config.base_path:
            raise invalid(
                f"Expected model {config.name} to have an absolute path or URI; got"
                f" base_path()={config.base_path}"
            )
        if config.name in names:
            raise invalid(f"Illegal to list model {config.name} multiple times in config list")
        names.add(config.name)
    return names


def check_labels(config: ModelConfig, model: Model | None, may_wait: bool) -> None:
    """Refuses labels of versions that are not available.

    Args:
        config: What is to be.
        model: What is now.
        may_wait: Accept them, unless they point elsewhere now.

    Raises:
        StatusError: There is such a label.
    """
    available = model.available() if model else {}
    for label, number in config.labels.items():
        unused = model is None or model.config.labels.get(label, number) == number
        if number not in available and not (may_wait and unused):
            raise StatusError(
                "FAILED_PRECONDITION",
                f"Request to assign label to version {number} of model {config.name},"
                " which is not currently available for inference",
            )
