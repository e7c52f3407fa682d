"""Variants and backbones by name; every file of `zoo.variants` and `zoo.backbones` adds its own."""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import inspect
import pkgutil
from collections.abc import Callable
from typing import Any

from zoo.autoencoder import Autoencoder
from zoo.backbones.backbone import Backbone


@dataclasses.dataclass(frozen=True)
class Variant:
    """An entry of the registry: what stops the copying."""

    name: str
    kind: str
    source: str
    build: Callable[..., Autoencoder]
    defaults: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def summary(self) -> str:
        """The first line of the builder's docstring."""
        return (self.build.__doc__ or "").partition("\n")[0]


# Arguments of `create` that are options of every variant.
COMMON_OPTIONS = {"corruption", "corruption_level", "emphasis", "weight_decay"}

_variants: dict[str, Variant] = {}
_backbones: dict[str, type[Backbone]] = {}


def variant(name: str, kind: str, source: str, **defaults: Any) -> Callable:
    """Registers a builder of autoencoders under a name.

    Args:
        name: The name for `create`.
        kind: Kind of its codes, see `CodeSpec`.
        source: Authors and year of the paper.
        **defaults: Backbone, likelihood and options of the backbone where `create` is told
            nothing else; and `missing_values=True` if NaN means "not observed".

    Returns:
        A decorator of a function `(plan, **options) -> Autoencoder`, whose docstring's first
        line is the variant's summary.

    Raises:
        ValueError: If the name is taken.
    """

    def register(build: Callable[..., Autoencoder]) -> Callable[..., Autoencoder]:
        _refuse_duplicate(name, _variants)
        _variants[name] = Variant(name, kind, source, build, defaults)
        return build

    return register


def backbone(name: str) -> Callable[[type[Backbone]], type[Backbone]]:
    """Registers a `Backbone` class under a name; a name that is taken is a `ValueError`."""

    def register(cls: type[Backbone]) -> type[Backbone]:
        _refuse_duplicate(name, _backbones)
        _backbones[name] = cls
        return cls

    return register


def list_variants() -> list[Variant]:
    """All variants, by name."""
    _discover()
    return [_variants[name] for name in sorted(_variants)]


def list_backbones() -> list[str]:
    """The names of all backbones."""
    _discover()
    return sorted(_backbones)


def list_options(name: str, backbone: str) -> list[str]:
    """The options that `create` takes for a variant with a backbone.

    Raises:
        ValueError: If a name is unknown.
    """
    trunks = find_backbone(backbone)
    of_variant = options_of(find_variant(name).build)
    of_backbone = options_of(trunks) | options_of(trunks.preprocessing)
    return sorted(of_backbone | of_variant | COMMON_OPTIONS)


def default_backbone(name: str) -> str:
    """The backbone that `create` takes for a variant where it is told none.

    Raises:
        ValueError: If the name is unknown.
    """
    return find_variant(name).defaults.get("backbone", "dense")


def takes_missing_values(name: str, backbone: str) -> bool:
    """Whether NaN means "not observed" for a variant with a backbone.

    Raises:
        ValueError: If a name is unknown.
    """
    of_variant = find_variant(name).defaults.get("missing_values", False)
    return find_backbone(backbone).missing_values or of_variant


def find_variant(name: str) -> Variant:
    """A variant by its name; an unknown one is a `ValueError`."""
    _discover()
    return _look_up("variant", name, _variants)


def find_backbone(name: str) -> type[Backbone]:
    """A backbone by its name; an unknown one is a `ValueError`."""
    _discover()
    return _look_up("backbone", name, _backbones)


def options_of(function: Callable) -> set[str]:
    """The options of a builder, of a backbone or of its preprocessing."""
    names = inspect.signature(function).parameters
    return set(names) - {"plan", "input_shape", "likelihood", "data"}


def nearest(name: str, known: set[str]) -> str:
    """A sentence for a name that is not known but like one that is; else nothing."""
    matches = difflib.get_close_matches(str(name), sorted(known), n=1, cutoff=0.5)
    return f" Did you mean {matches[0]!r}?" if matches else ""


def _discover() -> None:
    # A new variant or backbone is one new file: nothing lists them.
    for package in ("zoo.variants", "zoo.backbones"):
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
            importlib.import_module(f"{package}.{module.name}")


def _look_up(what: str, name: str, entries: dict[str, Any]) -> Any:
    if name not in entries:
        raise ValueError(
            f"Unknown {what} {name!r}.{nearest(name, set(entries))} "
            f"Known: {', '.join(sorted(entries))}"
        )
    return entries[name]


def _refuse_duplicate(name: str, entries: dict[str, Any]) -> None:
    if name in entries:
        raise ValueError(f"The name {name!r} is registered already.")
