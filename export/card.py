"""`assets.extra/model_card.json`: what a version is, for people and programs."""

from __future__ import annotations

import datetime
import hashlib
import json
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

CARD_FILE = "model_card.json"
FORMAT = 1


def write(path: Path, card: dict[str, Any]) -> None:
    """Writes the card into a SavedModel.

    Args:
        path: The SavedModel's folder.
        card: What `json` can write.
    """
    (path / "assets.extra").mkdir(exist_ok=True)
    text = json.dumps({"format": FORMAT, **card}, indent=2) + "\n"
    (path / "assets.extra" / CARD_FILE).write_text(text, encoding="utf-8")


def read(path: Path) -> dict[str, Any]:
    """Reads a version's card.

    Returns:
        The card, empty if the version has none (it was published by other means).

    Raises:
        ValueError: If the card is damaged.
    """
    file = path / "assets.extra" / CARD_FILE
    if not file.is_file():
        return {}
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{file} is damaged: {error}") from error


def made_with() -> dict[str, str]:
    """Versions of what computed the model, and the time."""
    return {
        **{name: metadata.version(name) for name in ("tensorflow", "keras", "numpy")},
        "python": platform.python_version(),
        "published": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def run_metrics(run: Path) -> dict[str, Any]:
    """The metrics of a run folder; none if `run` is no run folder or was not evaluated.

    Raises:
        ValueError: If they are damaged.
    """
    file = run / "metrics.json"
    if not file.is_file():
        return {}
    try:
        metrics = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{file} is damaged: {error}") from error
    if not isinstance(metrics, dict):
        raise ValueError(f"{file} is damaged: it must be an object")
    return metrics


def fingerprint(weights: list[np.ndarray], description: dict[str, Any]) -> str:
    """A digest that two versions share if they hold the same model.

    Args:
        weights: The model's weights in order.
        description: What else the answers depend on.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256(json.dumps(description, sort_keys=True).encode())
    for weight in weights:
        digest.update(str((weight.dtype, weight.shape)).encode())
        digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()


def inventory(path: Path) -> dict[str, dict[str, Any]]:
    """Sizes and SHA-256 digests of a version's files, but for the card itself."""
    return {
        str(file.relative_to(path)): {
            "bytes": file.stat().st_size,
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        }
        for file in sorted(path.rglob("*"))
        if file.is_file() and file.name != CARD_FILE
    }


def damage(path: Path, thorough: bool = False) -> str | None:
    """Tells what is missing or changed in a version.

    Args:
        path: The version's folder.
        thorough: Whether to compare contents, not sizes alone.

    Returns:
        What is wrong, or None.
    """
    for needed in ("saved_model.pb", "variables/variables.index"):
        if not (path / needed).is_file():
            return f"{needed} is missing"
    try:
        files = read(path).get("files", {})
    except ValueError as error:
        return str(error)
    for name, expected in files.items():
        file = path / name
        if not file.is_file():
            return f"{name} is missing"
        if file.stat().st_size != expected["bytes"]:
            return f"{name} has {file.stat().st_size} bytes instead of {expected['bytes']}"
        if thorough and hashlib.sha256(file.read_bytes()).hexdigest() != expected["sha256"]:
            return f"{name} was changed after publishing"
    return None


def size_of(path: Path) -> int:
    """Bytes of all files under a folder."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
