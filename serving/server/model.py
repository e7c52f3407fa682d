"""What the server knows of a model and of each of its versions."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from serving.server.servable import Servable
from serving.server.status import StatusError, invalid
from serving.versions import ModelConfig, Stamp, find_versions

log = logging.getLogger("serving")


class State(IntEnum):
    """States of a version, as GetModelStatus numbers them."""

    START = 10
    LOADING = 20
    AVAILABLE = 30
    UNLOADING = 40
    END = 50


OnDisk = Mapping[int, tuple[str, Stamp]]
"""Path and stamp of each version that is there."""


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

    @property
    def waits(self) -> bool:
        """Whether it failed to load and is to be tried again."""
        return self.state is State.LOADING and self.retry_at > 0

    def unload(self) -> None:
        """Lets go of it: requests that hold it finish, new ones no longer find it."""
        assert self.servable is not None
        self.servable.close()
        self.servable = None
        self.state = State.END


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

    def wanted(self, seen: OnDisk | None) -> OnDisk:
        """Chooses among the versions on disk; of None, all that are known stay."""
        if seen is None:
            known = self.versions.items()
            seen = {n: (v.path, v.stamp) for n, v in known if v.state is not State.END}
        return {number: seen[number] for number in self.config.aspired(seen)}

    def due(self, wanted: OnDisk) -> list[tuple[int, Version]]:
        """Returns the versions to load now, the highest first; from then on they count as loading.

        One that is new is due, one that failed when its time has come or its files have changed.
        """
        due = []
        for number, (path, now) in sorted(wanted.items(), reverse=True):
            version = self.versions.get(number)
            if version and version.state is State.END and version.error and version.stamp == now:
                continue
            if version is None or version.state is State.END:
                version = self.versions[number] = Version(path)
            again = version.waits and (time.monotonic() >= version.retry_at or version.stamp != now)
            if version.state is State.START or again:
                version.state, version.retry_at, version.stamp = State.LOADING, 0.0, now
                due.append((number, version))
        return due

    def settle(self, wanted: Collection[int]) -> None:
        """Lets go of what is not wanted, once something wanted can take over."""
        covered = not wanted or any(n in wanted for n in self.available())
        for number, version in self.versions.items():
            if number in wanted:
                continue
            if version.state is State.AVAILABLE and covered:
                version.unload()
                log.info("unloaded %s version %d", self.config.name, number)
            elif version.state is State.START or version.waits:
                version.state, version.retry_at = State.END, 0.0

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
