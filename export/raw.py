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
from export.signatures import Arrays, Exportable, Signature

Specs = tuple[tf.TensorSpec, ...]


class RawInput(Protocol):
    """A form of input that is one string a row; a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]
    name: ClassVar[str]

    def fit(self, specs: Specs) -> Specs:
        """The model's inputs with fixed shapes; `ValueError` if this form can't make them."""

    def decode(self, rows: tf.Tensor, specs: Specs) -> tuple[tf.Tensor, ...]:
        """Strings `[batch]` to the model's inputs."""

    def encode(self, arrays: Arrays, specs: Specs) -> np.ndarray:
        """Model inputs to strings: examples for those who gave none."""


@dataclasses.dataclass(frozen=True)
class ImageBytes:
    """Encoded images: JPEG, PNG, GIF (first frame) or BMP.

    They are decoded, resized to the model's size (bilinear, antialiased, aspect not kept) and
    scaled. Grey models read colour images as grey, and the other way round.

    Args:
        scale: What pixels 0 to 255 are multiplied with.
        offset: What is added then.
        size: Height and width, for models that take any size.

    Example:
        >>> publish(ae, "models", name="photos", raw=ImageBytes())  # doctest: +SKIP
    """

    scale: float = 1 / 255
    offset: float = 0.0
    size: tuple[int, int] | None = None
    name: ClassVar[str] = "inputs"

    def fit(self, specs: Specs) -> Specs:
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
        shape = (None, *(self.size or own), shapes[0][3])
        return (tf.TensorSpec(shape, specs[0].dtype, specs[0].name),)

    def decode(self, rows: tf.Tensor, specs: Specs) -> tuple[tf.Tensor, ...]:
        """Strings `[batch]` to pixels `[batch, height, width, channels]`."""
        (spec,) = specs
        _, *size, channels = spec.shape

        def one(row: tf.Tensor) -> tf.Tensor:
            pixels = tf.io.decode_image(row, channels=channels, expand_animations=False)
            pixels = tf.image.resize(pixels, size, antialias=True)
            return tf.ensure_shape(pixels, (*size, channels))

        pixels = tf.map_fn(one, rows, fn_output_signature=tf.float32)
        return (tf.cast(pixels * self.scale + self.offset, spec.dtype),)

    def encode(self, arrays: Arrays, specs: Specs) -> np.ndarray:
        """Random values to PNG files."""
        (images,) = arrays.values()
        pixels = tf.cast(tf.cast(images, tf.float32) * 255, tf.uint8)
        return np.array([tf.io.encode_png(image).numpy() for image in pixels], object)


@dataclasses.dataclass(frozen=True)
class TFExample:
    """Serialised `tf.train.Example` messages, one feature for each input of the model.

    The features have the inputs' names and shapes; floats are `float_list`, integers
    `int64_list`, strings `bytes_list`.

    Example:
        >>> publish_encoder(model, "models", name="m", raw=TFExample())  # doctest: +SKIP
    """

    name: ClassVar[str] = "examples"

    def fit(self, specs: Specs) -> Specs:
        """Wants fixed shapes."""
        for spec in specs:
            if None in tuple(spec.shape[1:]):
                raise ValueError(
                    f"tf.train.Example needs inputs of fixed shape. Received: {spec.name} "
                    f"{tuple(spec.shape)}"
                )
        return specs

    def decode(self, rows: tf.Tensor, specs: Specs) -> tuple[tf.Tensor, ...]:
        """Strings `[batch]` to the model's inputs."""
        features = {
            spec.name: tf.io.FixedLenFeature(spec.shape[1:], self._stored(spec.dtype))
            for spec in specs
        }
        parsed = tf.io.parse_example(rows, features)
        return tuple(tf.cast(parsed[spec.name], spec.dtype) for spec in specs)

    def encode(self, arrays: Arrays, specs: Specs) -> np.ndarray:
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
        return np.array(rows, object)

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
    """
    specs = exportable.inputs
    fixed = raw.fit(specs)
    spec = tf.TensorSpec([None], tf.string, raw.name)

    def decoded(arrays: Arrays) -> Arrays:
        # One row at a time: another way to the same tensors than the graph's.
        parts = [raw.decode(tf.constant([row]), fixed) for row in arrays[raw.name]]
        columns = zip(*parts, strict=True)
        return {
            s.name: np.concatenate([np.asarray(row) for row in column])
            for s, column in zip(specs, columns, strict=True)
        }

    def drawn() -> Arrays:
        if exportable.draw:
            return exportable.draw()
        return examples.draw(fixed, missing_values=exportable.missing_values)

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
        draw=lambda: {raw.name: raw.encode(drawn(), fixed)},
    )


def _after(
    function: Callable[..., dict[str, tf.Tensor]], decode: Callable[[Any], tuple[tf.Tensor, ...]]
) -> Callable[..., dict[str, tf.Tensor]]:
    return lambda rows: function(*decode(rows))
