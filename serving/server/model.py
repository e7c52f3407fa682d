"""What the server knows of a model and of each of its versions."""

from __future__ import annotations

import os
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


def check_config(config: ModelConfig) -> None:
    """Refuses what TF Serving refuses.

    Raises:
        StatusError: The name is empty or the path is relative.
    """
    if not config.name:
        raise invalid("Expected model to have a name; received an empty one")
    if not os.path.isabs(config.base_path) and "://" not in config.base_path:
        raise invalid(
            f"Expected model {config.name} to have an absolute path or URI; got"
            f" base_path()={config.base_path}"
        )
