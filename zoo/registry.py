"""Variants and backbones by name; `create` joins one of each to a model."""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import inspect
import pkgutil
from collections.abc import Callable
from typing import Any

import keras

from zoo.autoencoder import Autoencoder
from zoo.backbones.backbone import Backbone
from zoo.code import CodeSpec
from zoo.likelihood import output_activation


@dataclasses.dataclass(frozen=True)
class Variant:
    """An entry of the registry: what stops the copying."""

    name: str
    kind: str
    source: str
    build: Callable[..., Autoencoder]

    @property
    def summary(self) -> str:
        """The first line of the builder's docstring."""
        return (self.build.__doc__ or "").partition("\n")[0]


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a variant builds from.

    Args:
        inputs: The model's input, as raw as users send it.
        target: The preprocessed input `[batch, *shape]`: what the encoder reads and the decoder
            reproduces.
        backbone: The trunks.
        code: Kind and size of the code.
        likelihood: How reconstructions are judged.
    """

    inputs: Any
    target: Any
    backbone: Backbone
    code: CodeSpec
    likelihood: str

    @property
    def code_dim(self) -> int:
        """Number of units of the code."""
        return self.code.size

    def autoencoder(self, code: Any, decoder_input: Any = None) -> Autoencoder:
        """Completes the model.

        Args:
            code: The clean code `[batch, code_dim]`.
            decoder_input: What the decoder reads in training; the clean code by default.

        Returns:
            The model.
        """
        decoder_input = code if decoder_input is None else decoder_input
        return Autoencoder(
            self.inputs,
            self.backbone.decode(decoder_input),
            code=code,
            decoder_input=decoder_input,
            target=self.target,
            code_spec=self.code,
            likelihood=self.likelihood,
        )


_variants: dict[str, Variant] = {}
_backbones: dict[str, type[Backbone]] = {}


def variant(name: str, kind: str, source: str) -> Callable:
    """Registers a builder of autoencoders under a name.

    Args:
        name: The name for `create`.
        kind: Kind of its codes, see `CodeSpec`.
        source: Authors and year of the paper.

    Returns:
        A decorator of a function `(plan, **options) -> Autoencoder`, whose docstring's first
        line is the variant's summary.

    Raises:
        ValueError: If the name is taken.
    """

    def register(build: Callable[..., Autoencoder]) -> Callable[..., Autoencoder]:
        _refuse_duplicate(name, _variants)
        _variants[name] = Variant(name, kind, source, build)
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
    _discover()
    trunks = _look_up("backbone", backbone, _backbones)
    return sorted(_options_of(trunks) | _options_of(_look_up("variant", name, _variants).build))


def create(
    name: str,
    input_shape: tuple[int, ...],
    code_dim: int,
    backbone: str = "dense",
    likelihood: str = "bernoulli",
    preprocessing: keras.layers.Layer | None = None,
    input_dtype: str = "float32",
    **options: Any,
) -> Autoencoder:
    """Creates an autoencoder.

    Args:
        name: A variant, see `list_variants`.
        input_shape: Shape of one raw example, without the batch.
        code_dim: Number of units (bits) of the code.
        backbone: A backbone, see `list_backbones`.
        likelihood: `"bernoulli"` for data in [0, 1] (cross-entropy) or `"gaussian"` for any
            real data (squared error).
        preprocessing: A layer from raw to model inputs, `keras.layers.Rescaling(1 / 255)` for
            bytes of pixels say. It becomes part of the model and is exported with it.
        input_dtype: Dtype of the raw input.
        **options: Options of the variant and of the backbone, by their names.

    Returns:
        The model, not compiled.

    Raises:
        ValueError: If a name, size or option is wrong.

    Example:
    >>> ae = create("semantic-hash", input_shape=(28, 28, 1), code_dim=64, backbone="conv")
    >>> ae.compile(optimizer="adam")
    """
    _discover()
    entry = _look_up("variant", name, _variants)
    trunks = _look_up("backbone", backbone, _backbones)
    input_shape = _check_shape(input_shape)
    code = CodeSpec(entry.kind, code_dim)
    of_backbone = _options_of(trunks)
    of_variant = _options_of(entry.build)
    for option in options:
        if option not in of_backbone | of_variant:
            raise ValueError(
                f"Unknown option {option!r} for variant {name!r} with backbone {backbone!r}."
                f"{_nearest(option, of_backbone | of_variant)} "
                f"Options: {', '.join(sorted(of_backbone | of_variant))}"
            )
    inputs = keras.Input(input_shape, dtype=input_dtype, name="inputs")
    target = inputs if preprocessing is None else preprocessing(inputs)
    plan = Plan(
        inputs=inputs,
        target=target,
        backbone=trunks(
            target.shape[1:],
            output_activation(likelihood),
            **{key: value for key, value in options.items() if key in of_backbone},
        ),
        code=code,
        likelihood=likelihood,
    )
    model = entry.build(plan, **{key: value for key, value in options.items() if key in of_variant})
    model.recipe = {
        "variant": name,
        "backbone": backbone,
        "input_shape": list(input_shape),
        "code_dim": code_dim,
        "likelihood": likelihood,
        "options": {key: keras.saving.serialize_keras_object(v) for key, v in options.items()},
    }
    return model


def _discover() -> None:
    # A new variant or backbone is one new file: nothing lists them.
    for package in ("zoo.variants", "zoo.backbones"):
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
            importlib.import_module(f"{package}.{module.name}")


def _options_of(function: Callable) -> set[str]:
    names = inspect.signature(function).parameters
    return set(names) - {"plan", "input_shape", "output_activation"}


def _look_up(what: str, name: str, entries: dict[str, Any]) -> Any:
    if name not in entries:
        raise ValueError(
            f"Unknown {what} {name!r}.{_nearest(name, set(entries))} "
            f"Known: {', '.join(sorted(entries))}"
        )
    return entries[name]


def _nearest(name: str, known: set[str]) -> str:
    matches = difflib.get_close_matches(str(name), sorted(known), n=1, cutoff=0.5)
    return f" Did you mean {matches[0]!r}?" if matches else ""


def _refuse_duplicate(name: str, entries: dict[str, Any]) -> None:
    if name in entries:
        raise ValueError(f"The name {name!r} is registered already.")


def _check_shape(shape: Any) -> tuple[int, ...]:
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    if not shape or any(not isinstance(d, int) or d < 1 for d in shape):
        raise ValueError(
            "`input_shape` must be the shape of one example, positive integers without the "
            f"batch. Received: input_shape={shape}"
        )
    return shape
