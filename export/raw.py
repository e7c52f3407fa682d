"""Raw inputs: what a client has at hand, decoded in the graph.

An input form turns one string a row into the tensors of a model: `ImageBytes` for JPEG and PNG
files, `TFExample` for serialised `tf.train.Example` messages. Text needs none: a model with a
text layer takes strings itself.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar, Protocol

import numpy as np
import tensorflow as tf

from export import examples
from export.errors import ExportError
from export.signatures import Arrays, Exportable, Signature

Specs = tuple[tf.TensorSpec, ...]


class RawInput(Protocol):
    """A form of input that is one string a row; a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]
    name: ClassVar[str]

    def fit(self, specs: Specs) -> tuple[RawInput, Specs]:
        """This form with nothing left open, and the model's inputs with fixed shapes.

        `ValueError` if this form can't make them.
        """

    def decode(self, rows: tf.Tensor, specs: Specs) -> tuple[tf.Tensor, ...]:
        """Strings `[batch]` to the model's inputs."""

    def encode(self, arrays: Arrays, specs: Specs) -> tuple[np.ndarray, Arrays]:
        """Examples for those who gave none: strings, and the very model inputs in them."""


@dataclasses.dataclass(frozen=True)
class ImageBytes:
    """Encoded images: JPEG, PNG, GIF (first frame) or BMP.

    They are decoded, resized to the model's size (bilinear, antialiased, aspect not kept) and
    scaled. Grey models read colour images as grey, and the other way round. Models of integers,
    bytes say, get rounded pixels.

    Args:
        scale: What pixels 0 to 255 are multiplied with; 1 / 255 if omitted, and 1 for a model of
            integers, which takes whole numbers only, and for one that scales them itself, by a
            `Rescaling` or a `Normalization` before its first kernel, say.
        offset: What is added then.
        size: Height and width, for models that take any size.

    Example:
        >>> publish(ae, "models", name="photos", raw=ImageBytes())  # doctest: +SKIP
    """

    scale: float | None = None
    offset: float = 0.0
    size: tuple[int, int] | None = None
    name: ClassVar[str] = "inputs"

    def fit(self, specs: Specs) -> tuple[ImageBytes, Specs]:
        """Wants one input `[batch, height, width, 1 or 3 or 4]` of a known size."""
        shapes = [tuple(spec.shape) for spec in specs]
        if len(specs) != 1 or len(shapes[0]) != 4 or shapes[0][3] not in (1, 3, 4):
            raise ValueError(
                "image bytes need a model with one input [batch, height, width, 1, 3 or 4]. "
                f"Received: {shapes}"
            )
        own = shapes[0][1:3]
        if self.size is None and None in own:
            raise ValueError(
                f"the model takes images of any size {shapes[0]}, but rows of a batch need the "
                "same: give size=(height, width)"
            )
        if self.size is not None and any(
            dimension not in (None, wanted)
            for dimension, wanted in zip(own, self.size, strict=True)
        ):
            raise ValueError(
                f"the model takes images of {own[0]}x{own[1]} only. Received: size={self.size}"
            )
        dtype = specs[0].dtype
        scale = self.scale
        if scale is None:
            scale = 1.0 if dtype.is_integer else 1 / 255
        if dtype.is_integer and not (float(scale).is_integer() and float(self.offset).is_integer()):
            raise ValueError(
                f"the model takes {dtype.name}: pixels can be scaled by whole numbers only, or "
                f"they would all be rounded alike. Received: scale={scale:g}, "
                f"offset={self.offset:g}"
            )
        shape = (None, *(self.size or own), shapes[0][3])
        return (
            dataclasses.replace(self, scale=scale),
            (tf.TensorSpec(shape, dtype, specs[0].name),),
        )

    def decode(self, rows: tf.Tensor, specs: Specs) -> tuple[tf.Tensor, ...]:
        """Strings `[batch]` to pixels `[batch, height, width, channels]`."""
        (spec,) = specs
        _, *size, channels = spec.shape

        def one(row: tf.Tensor) -> tf.Tensor:
            pixels = tf.io.decode_image(row, channels=channels, expand_animations=False)
            pixels = tf.image.resize(pixels, size, antialias=True)
            return tf.ensure_shape(pixels, (*size, channels))

        pixels = tf.map_fn(one, rows, fn_output_signature=tf.float32)
        pixels = pixels * self.scale + self.offset
        if spec.dtype.is_integer:
            pixels = tf.round(pixels)
        return (tf.saturate_cast(pixels, spec.dtype),)

    def encode(self, arrays: Arrays, specs: Specs) -> tuple[np.ndarray, Arrays]:
        """PNG files of random pixels, as many as there are rows; their values are not used."""
        (spec,) = specs
        rows = len(next(iter(arrays.values())))
        pixels = np.random.default_rng(0).integers(0, 256, (rows, *spec.shape[1:]), np.uint8)
        files = np.array([tf.io.encode_png(image).numpy() for image in pixels], object)
        return files, {spec.name: pixels * float(self.scale or 1) + self.offset}


@dataclasses.dataclass(frozen=True)
class TFExample:
    """Serialised `tf.train.Example` messages, one feature for each input of the model.

    The features have the inputs' names and shapes; floats are `float_list`, integers
    `int64_list`, strings `bytes_list`.

    Example:
        >>> publish_encoder(model, "models", name="m", raw=TFExample())  # doctest: +SKIP
    """

    name: ClassVar[str] = "examples"

    def fit(self, specs: Specs) -> tuple[TFExample, Specs]:
        """Wants fixed shapes."""
        for spec in specs:
            if None in tuple(spec.shape[1:]):
                raise ValueError(
                    f"tf.train.Example needs inputs of fixed shape. Received: {spec.name} "
                    f"{tuple(spec.shape)}"
                )
        return self, specs

    def decode(self, rows: tf.Tensor, specs: Specs) -> tuple[tf.Tensor, ...]:
        """Strings `[batch]` to the model's inputs."""
        features = {
            spec.name: tf.io.FixedLenFeature(spec.shape[1:], self._stored(spec.dtype))
            for spec in specs
        }
        parsed = tf.io.parse_example(rows, features)
        return tuple(tf.cast(parsed[spec.name], spec.dtype) for spec in specs)

    def encode(self, arrays: Arrays, specs: Specs) -> tuple[np.ndarray, Arrays]:
        """Arrays to messages."""
        rows = []
        for i in range(len(next(iter(arrays.values())))):
            example = tf.train.Example()
            for spec in specs:
                feature = example.features.feature[spec.name]
                stored = self._stored(spec.dtype)
                values = np.ravel(arrays[spec.name][i])
                if stored == tf.string:
                    feature.bytes_list.value.extend(str(value).encode() for value in values)
                elif stored == tf.int64:
                    feature.int64_list.value.extend(int(value) for value in values)
                else:
                    feature.float_list.value.extend(float(value) for value in values)
            rows.append(example.SerializeToString())
        return np.array(rows, object), arrays

    @staticmethod
    def _stored(dtype: tf.DType) -> tf.DType:
        if dtype == tf.string:
            return tf.string
        return tf.float32 if dtype.is_floating else tf.int64


def with_raw_input(exportable: Exportable, raw: RawInput) -> Exportable:
    """Lets the endpoints take raw input; those on tensors stay beside as `*_tensor`.

    Args:
        exportable: A model's endpoints.
        raw: The form of the input.

    Returns:
        The endpoints on strings, those on tensors under `<name>_tensor`, and those that take no
        model input as they were.

    Raises:
        ValueError: If the model's inputs can't be made from it.
        ExportError: If known inputs come out of the decoding as others.
    """
    specs = exportable.inputs
    given = raw
    raw, fixed = given.fit(specs)
    if isinstance(given, ImageBytes) and given.scale is None and exportable.scales_pixels():
        raw = dataclasses.replace(raw, scale=1.0)
    spec = tf.TensorSpec([None], tf.string, raw.name)

    def decoded(arrays: Arrays) -> Arrays:
        # One row at a time: another way to the same tensors than the graph's.
        parts = [raw.decode(tf.constant([row]), fixed) for row in arrays[raw.name]]
        columns = zip(*parts, strict=True)
        return {
            s.name: np.concatenate([np.asarray(row) for row in column])
            for s, column in zip(specs, columns, strict=True)
        }

    if exportable.draw:
        drawn = exportable.draw()
    else:
        drawn = examples.draw(fixed, missing_values=exportable.missing_values)
    rows, known = raw.encode(drawn, fixed)
    _prove(raw, rows, known, fixed)

    def on_strings(signature: Signature) -> Signature:
        return dataclasses.replace(
            signature,
            inputs=(spec,),
            function=_after(signature.function, lambda rows: raw.decode(rows, fixed)),
            reference=lambda arrays: signature.reference(decoded(arrays)),
        )

    def on_tensors(signature: Signature, name: str) -> Signature:
        feed = signature.feed
        return dataclasses.replace(signature, name=name, feed=lambda arrays: feed(decoded(arrays)))

    takes_input = [s for s in exportable.signatures if s.inputs == specs]
    names = {s.name for s in exportable.signatures}
    others = [s for s in exportable.signatures if s.inputs != specs]
    signatures = (
        *map(on_strings, takes_input),
        *(on_tensors(s, s.name) for s in others),
        *(
            on_tensors(s, f"{s.name}_tensor")
            for s in takes_input
            if f"{s.name}_tensor" not in names
        ),
    )
    jumping = {s.name for s in signatures if s.name.removesuffix("_tensor") in exportable.jumping}
    form = {"form": type(raw).__name__, **dataclasses.asdict(raw)}
    return dataclasses.replace(
        exportable,
        inputs=(spec,),
        signatures=signatures,
        jumping=frozenset(jumping),
        description={**exportable.description, "raw_input": form},
        draw=lambda: {raw.name: rows},
    )


def from_description(form: dict[str, Any]) -> RawInput:
    """The form of input that a model card tells of as `raw_input`.

    Raises:
        ValueError: If it is none of this module.
    """
    known: dict[str, Any] = {kind.__name__: kind for kind in (ImageBytes, TFExample)}
    if form.get("form") not in known:
        raise ValueError(f"raw_input must be one of {', '.join(known)}. Received: {form}")
    options = {key: value for key, value in form.items() if key != "form"}
    if options.get("size") is not None:
        options["size"] = tuple(options["size"])
    return known[form["form"]](**options)


def _prove(raw: RawInput, rows: np.ndarray, known: Arrays, specs: Specs) -> None:
    # Endpoints and their references decode alike, so what both get wrong is seen here only.
    for spec, decoded in zip(specs, raw.decode(tf.constant(rows), specs), strict=True):
        got, truth = np.asarray(decoded), np.asarray(known[spec.name])
        if truth.dtype.kind in "OSU":
            same = [str(value).encode() for value in truth.ravel()] == got.ravel().tolist()
        else:
            same = np.allclose(got.astype("float64"), truth, 1e-2, 1e-3, equal_nan=True)
        if not same:
            raise ExportError(f"{type(raw).__name__} does not decode {spec.name} to what is in it")


def _after(
    function: Callable[..., dict[str, tf.Tensor]], decode: Callable[[Any], tuple[tf.Tensor, ...]]
) -> Callable[..., dict[str, tf.Tensor]]:
    return lambda rows: function(*decode(rows))
