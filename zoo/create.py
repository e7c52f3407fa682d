"""`create`: a variant and a backbone joined to a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from zoo.autoencoder import Autoencoder
from zoo.backbones.backbone import Backbone
from zoo.code import CodeSpec
from zoo.option_types import check_options
from zoo.plan import Plan
from zoo.registry import (
    default_backbone,
    find_backbone,
    find_variant,
    list_options,
    nearest,
    options_of,
)
from zoo.weight_decay import decay


def create(
    name: str,
    input_shape: tuple[int, ...],
    code_dim: int,
    backbone: str | None = None,
    likelihood: str | None = None,
    preprocessing: keras.layers.Layer | None = None,
    input_dtype: str | None = None,
    adapt: Any = None,
    corruption: str | keras.layers.Layer | None = None,
    corruption_level: float | keras.optimizers.schedules.LearningRateSchedule | None = None,
    emphasis: Sequence[float] | None = None,
    weight_decay: float = 0.0,
    **options: Any,
) -> Autoencoder:
    """Creates an autoencoder.

    Args:
        name: A variant, see `list_variants`.
        input_shape: Shape of one raw example, without the batch.
        code_dim: Number of units (bits) of the code.
        backbone: A backbone, see `list_backbones`; the variant's own, for most `"dense"`, if
            omitted.
        likelihood: `"bernoulli"` for data in [0, 1] (cross-entropy), `"gaussian"` for any real
            data (squared error) or `"multinomial"` for counts (cross-entropy per item). The
            variant's or else the backbone's own if omitted, for most `"bernoulli"`.
        preprocessing: A layer from raw to model inputs, `keras.layers.Rescaling(1 / 255)` for
            bytes of pixels say. It becomes part of the model and is exported with it.
        input_dtype: Dtype of the raw input; `"string"` if omitted and `adapt` is text, else
            `"float32"`.
        adapt: Raw training data, an array, that the preprocessing is adapted to before the model
            is built: the vocabulary of texts or the categories of a table, say. The backbone
            chooses the preprocessing if `preprocessing` is omitted.
        corruption: What spoils the encoder's input in training, which makes any variant a
            denoising one: `"gaussian"`, `"masking"`, `"salt-and-pepper"` or a layer. The
            encoder that is exported does not have it.
        corruption_level: Level of a corruption given by name: standard deviation or
            probability, a number or a schedule of the training step; 0.3 if omitted.
        emphasis: Weights of corrupted and of other components in the training loss, (1, 0.5)
            say; equal if omitted.
        weight_decay: Factor, in the loss, of the sum of all squared kernels of dense and
            convolutional layers.
        **options: Options of the variant and of the backbone, by their names.

    Returns:
        The model, not compiled.

    Raises:
        ValueError: If a name, size or option is wrong, or `adapt` has no rows.

    Example:
    >>> ae = create("semantic-hash", input_shape=(28, 28, 1), code_dim=64, backbone="conv")
    >>> ae.compile(optimizer="adam")
    """
    if adapt is not None and not len(adapt):
        raise ValueError("`adapt` must have at least one row. Received: none")
    entry = find_variant(name)
    backbone = backbone or default_backbone(name)
    trunks = find_backbone(backbone)
    if input_dtype is None:
        is_text = adapt is not None and np.asarray(adapt).dtype.kind in "OUS"
        input_dtype = "string" if is_text else "float32"
    input_shape = _check_shape(input_shape, input_dtype)
    code = CodeSpec(entry.kind, code_dim)
    known = list_options(name, backbone)
    for option in options:
        if option not in known:
            raise ValueError(
                f"Unknown option {option!r} for variant {name!r} with backbone {backbone!r}."
                f"{nearest(option, set(known))} Options: {', '.join(known)}"
            )
    common = {
        "corruption": corruption,
        "corruption_level": corruption_level,
        "emphasis": emphasis,
        "weight_decay": weight_decay,
    }
    check_options(options | common, (create, trunks.preprocessing, trunks, entry.build))
    of_trunks = {
        key: value for key, value in (entry.defaults | options).items() if key in options_of(trunks)
    }
    # As it was given: what it learns from `adapt` is in the model.
    given_preprocessing = preprocessing and keras.saving.serialize_keras_object(preprocessing)
    preprocessing = _adapted(preprocessing, trunks, adapt, options)
    likelihood = likelihood or getattr(preprocessing, "likelihood", None)
    likelihood = likelihood or entry.defaults.get("likelihood") or trunks.default_likelihood
    inputs = keras.Input(input_shape, dtype=input_dtype, name="inputs")
    target = inputs if preprocessing is None else preprocessing(inputs)
    # Some layers say float32 and return integers: TextVectorization does when it counts.
    if input_dtype == "string" or not keras.backend.is_float_dtype(target.dtype):
        target = keras.ops.cast(target, "float32")
    plan = Plan(
        inputs=inputs,
        target=target,
        encoder_input=keras.layers.Identity(name="encoder_input")(target),
        backbone=trunks(target.shape[1:], likelihood, **of_trunks),
        code=code,
        likelihood=likelihood,
        missing_values=trunks.missing_values,
        corruption=corruption,
        corruption_level=corruption_level,
        emphasis=emphasis,
    )
    of_variant = options_of(entry.build)
    model = entry.build(plan, **{key: value for key, value in options.items() if key in of_variant})
    decay(model, weight_decay)
    common["weight_decay"] = weight_decay or None
    options |= {key: value for key, value in common.items() if value is not None}
    model.recipe = {
        "variant": name,
        "backbone": backbone,
        "input_shape": list(input_shape),
        "code_dim": code_dim,
        "likelihood": likelihood,
        "input_dtype": input_dtype,
        "preprocessing": given_preprocessing,
        "options": {key: keras.saving.serialize_keras_object(v) for key, v in options.items()},
    }
    return model


def _adapted(
    preprocessing: keras.layers.Layer | None,
    trunks: type[Backbone],
    adapt: Any,
    options: dict[str, Any],
) -> keras.layers.Layer | None:
    wanted = options_of(trunks.preprocessing)
    given = {key: value for key, value in options.items() if key in wanted}
    if given and (adapt is None or preprocessing is not None):
        raise ValueError(
            f"The options {', '.join(sorted(given))} are for the backbone's own preprocessing: "
            f"give `adapt`, raw training data, and no `preprocessing`. Received: {given}"
        )
    if adapt is None:
        return preprocessing
    if preprocessing is None:
        return trunks.preprocessing(np.asarray(adapt), **given)
    preprocessing.adapt(np.asarray(adapt))
    return preprocessing


def _check_shape(shape: Any, dtype: str) -> tuple[int, ...]:
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    scalar = dtype == "string" and shape == ()
    if (not shape and not scalar) or any(not isinstance(d, int) or d < 1 for d in shape):
        raise ValueError(
            "`input_shape` must be the shape of one example, positive integers without the "
            f"batch. Received: input_shape={shape}"
        )
    return shape
