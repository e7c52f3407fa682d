"""The life of model versions: found, loaded before the old goes, kept when the new fails."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from serving.server.model import (
    Model,
    OnDisk,
    State,
    Version,
    check_configs,
    check_labels,
    refuse_failed,
)
from serving.server.servable import Servable
from serving.server.status import StatusError, from_exception, invalid
from serving.versions import ModelConfig, find_versions, stamp

log = logging.getLogger("serving")


class Manager:
    """Watches the models' directories and keeps the wanted versions in memory.

    A broken version is tried again when its files change, even after the retries are used up;
    the real server would want a restart or a higher number.

    Args:
        load: Makes a servable of (name, version, path); may raise.
        poll_seconds: How often to look for versions; 0 looks once, below 0 never.
        retries: How often to try again to load a version that failed.
        retry_seconds: How long to wait between tries.
        labels_may_wait: Accept labels for versions that are not available, unless they point
            elsewhere now.
        threads: How many versions may load at the same time.
    """

    def __init__(
        self,
        load: Callable[[str, int, str], Servable],
        poll_seconds: float = 1.0,
        retries: int = 5,
        retry_seconds: float = 60.0,
        labels_may_wait: bool = False,
        threads: int = 1,
    ):
        self._load = load
        self._poll_seconds = poll_seconds
        self._retries = retries
        self._retry_seconds = retry_seconds
        self._labels_may_wait = labels_may_wait
        self._models: dict[str, Model] = {}
        self._retired: list[Model] = []
        self._changed = threading.Condition()
        self._loads = ThreadPoolExecutor(threads, thread_name_prefix="load")
        self._stopped = False
        self._looked = False
        self._thread = threading.Thread(target=self._watch, name="versions", daemon=True)

    def start(self, configs: Iterable[ModelConfig]) -> None:
        """Starts watching; returns once each model has an available version.

        Raises:
            StatusError: A model has no version to load, or none that loads.
        """
        self._apply(list(configs))
        self._thread.start()
        with self._changed:
            while True:
                refuse_failed(self._models)
                for model in self._models.values():
                    if model.looked and not model.versions:
                        raise StatusError("NOT_FOUND", model.nothing_to_serve())
                if all(model.available() for model in self._models.values()):
                    return
                self._changed.wait(1.0)

    def stop(self) -> None:
        """Stops watching and frees the models."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()
        self._loads.shutdown(wait=True, cancel_futures=True)
        for model in (*self._models.values(), *self._retired):
            for version in model.versions.values():
                if version.servable:
                    version.servable.close()

    def reload(self, configs: Iterable[ModelConfig], timeout: float) -> None:
        """Replaces the models; returns once the new ones have an available version.

        Args:
            configs: All models from now on.
            timeout: Seconds to wait; the models stay configured when it passes.

        Raises:
            StatusError: A label points to a version that is not available (nothing changes
                then), or a new model did not become available.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            new = self._apply(list(configs))
            self._changed.notify_all()
            while True:
                fresh = {name: self._models[name] for name in new if name in self._models}
                refuse_failed(fresh)
                if all(model.available() for model in fresh.values()):
                    return
                left = deadline - time.monotonic()
                if left <= 0 or self._stopped:
                    waiting = ", ".join(n for n, m in fresh.items() if not m.available())
                    raise StatusError(
                        "DEADLINE_EXCEEDED",
                        f"No version of {waiting} became available in time; still watching",
                    )
                self._changed.wait(min(left, 0.5))

    def states(self, name: str, number: int | None) -> list[tuple[int, State, StatusError | None]]:
        """Lists the versions of a model, the highest first.

        Raises:
            StatusError: Nothing is known of the model or the version.
        """
        with self._changed:
            model = self._models.get(name) or self._last_retired(name)
            versions = model.versions if model else {}
            if not versions:
                raise StatusError("NOT_FOUND", f"Could not find any versions of model {name}")
            if number is not None and number not in versions:
                raise StatusError("NOT_FOUND", f"Could not find version {number} of model {name}")
            return [
                (key, version.state, version.error)
                for key, version in sorted(versions.items(), reverse=True)
                if number in (None, key)
            ]

    def summary(self) -> dict[str, list[int]]:
        """Returns the available versions by model."""
        with self._changed:
            return {name: sorted(model.available()) for name, model in self._models.items()}

    def knows(self, name: str) -> bool:
        """Whether a model of this name is configured."""
        return name in self._models

    def use(self, spec: Any) -> Servable:
        """Finds the version that a `ModelSpec` asks for, and counts the request in.

        Returns:
            The version, as a context manager that counts it out.

        Raises:
            StatusError: There is no such model, version or label.
        """
        if not spec.name:
            raise invalid("ModelSpec has no name specified.")
        choice = spec.WhichOneof("version_choice")
        with self._changed:
            model = self._models.get(spec.name)
            available = model.available() if model else {}
            if choice == "version_label":
                label = spec.version_label
                if model is None or label not in model.config.labels:
                    raise invalid(f"Unrecognized servable version label: {label}")
                number = model.config.labels[label]
            elif choice == "version":
                number = spec.version.value
            elif available:
                number = max(available)
            else:
                raise StatusError(
                    "NOT_FOUND", f"Servable not found for request: Latest({spec.name})"
                )
            servable = available[number].servable if number in available else None
            if servable is None:
                raise StatusError(
                    "NOT_FOUND", f"Servable not found for request: Specific({spec.name}, {number})"
                )
            servable.acquire()
            return servable

    def _apply(self, configs: list[ModelConfig]) -> set[str]:
        """Takes a new configuration as a whole or not at all; returns the new models' names."""
        names = check_configs(configs)
        with self._changed:
            for config in configs:
                check_labels(config, self._models.get(config.name), self._labels_may_wait)
            new = names - set(self._models)
            before, self._models = self._models, {}
            for config in configs:
                model = before.pop(config.name, None) or Model(config)
                model.config = config
                self._models[config.name] = model
            self._retired += before.values()
            return new

    def _last_retired(self, name: str) -> Model | None:
        return next((m for m in reversed(self._retired) if m.config.name == name), None)

    def _watch(self) -> None:
        while True:
            with self._changed:
                if self._stopped:
                    return
                look = not self._looked or self._poll_seconds > 0
                self._looked = True
                models = [m for m in self._models.values() if look or not m.versions]
                configs = [model.config for model in models]
            # Without the lock: requests must not wait for a slow disk.
            seen = {config.base_path: _stamps(config) for config in configs}
            with self._changed:
                try:
                    for model in self._models.values():
                        model.looked = model.looked or model.config.base_path in seen
                        wanted = model.wanted(seen.get(model.config.base_path))
                        for number, version in model.due(wanted):
                            self._loads.submit(self._load_version, model, number, version)
                        model.settle(wanted)
                    for model in self._retired:
                        model.settle(())
                except Exception:  # the watch must go on whatever one directory holds
                    log.exception("looking for versions failed")
                self._changed.notify_all()
                self._changed.wait(self._poll_seconds if self._poll_seconds > 0 else 1.0)

    def _load_version(self, model: Model, number: int, version: Version) -> None:
        name = model.config.name
        started = time.monotonic()
        try:
            servable = self._load(name, number, version.path)
        except BaseException as error:
            status = from_exception(error)
            with self._changed:
                version.error = status
                version.attempts += 1
                if version.attempts > self._retries:
                    version.state = State.END
                else:
                    version.retry_at = time.monotonic() + self._retry_seconds
                self._changed.notify_all()
            log.error("loading %s version %d failed: %s", name, number, status.message)
            return
        with self._changed:
            if self._stopped:
                servable.close()
                return
            version.servable, version.error = servable, None
            version.state = State.AVAILABLE
            self._changed.notify_all()
        log.info("loaded %s version %d in %.2f s", name, number, time.monotonic() - started)


def _stamps(config: ModelConfig) -> OnDisk | None:
    """What is on disk of a model; None if that can't be read."""
    present = find_versions(config.base_path)
    if present is None:
        return None
    return {number: (path, stamp(path)) for number, path in present.items()}
