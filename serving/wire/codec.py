"""NumPy arrays to and from `TensorProto`, in both encodings, with NumPy and protobuf alone.

TF Serving answers in the typed fields (`float_val`, `int_val`, ...) unless told otherwise, and
reads those and `tensor_content`. Where a typed field holds fewer values than the shape, the last
is repeated, and where it holds none the tensor is zero, as `tensorflow::Tensor::FromProto` does.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np

from serving.wire.messages import TensorProto


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


class Kind(NamedTuple):
    """How one TensorFlow dtype looks in NumPy and in a `TensorProto`."""

    name: str
    number: int
    numpy: np.dtype
    field: str


STRING = np.dtype(object)
KINDS = tuple(
    Kind(name, number, np.dtype(numpy), field)
    for name, number, numpy, field in (
        ("float32", 1, "<f4", "float_val"),
        ("float64", 2, "<f8", "double_val"),
        ("int32", 3, "<i4", "int_val"),
        ("uint8", 4, "u1", "int_val"),
        ("int16", 5, "<i2", "int_val"),
        ("int8", 6, "i1", "int_val"),
        ("string", 7, object, "string_val"),
        ("complex64", 8, "<c8", "scomplex_val"),
        ("int64", 9, "<i8", "int64_val"),
        ("bool", 10, "?", "bool_val"),
        ("bfloat16", 14, "<f4", "half_val"),
        ("uint16", 17, "<u2", "int_val"),
        ("complex128", 18, "<c16", "dcomplex_val"),
        ("float16", 19, "<f2", "half_val"),
        ("uint32", 22, "<u4", "uint32_val"),
        ("uint64", 23, "<u8", "uint64_val"),
    )
)
BY_NUMBER = {kind.number: kind for kind in KINDS}
BY_NAME = {kind.name: kind for kind in KINDS}
# What precedes a packed field on the wire.
_FIELD_KEYS = {
    field.name: _varint(field.number << 3 | 2)
    for field in TensorProto.DESCRIPTOR.fields
    if field.name.endswith("_val")
}
_MAX_RANK = 64  # NumPy's; TensorFlow's is 254


def to_array(proto: Any, max_bytes: int | None = None) -> np.ndarray:
    """Decodes a tensor.

    Args:
        proto: A `TensorProto`, ours or TensorFlow's.
        max_bytes: Refuse tensors larger than this once decoded: a few bytes of a hostile message
            can ask for any shape.

    Returns:
        An array that may share the message's memory and may be read-only. Strings come as
        `bytes` in an object array; bfloat16 comes as float32, which holds it exactly.

    Raises:
        ValueError: The dtype, the shape or the content is not a tensor's.

    Example:
        >>> to_array(to_proto(np.float32([1, 2])))
        array([1., 2.], dtype=float32)
    """
    kind = BY_NUMBER.get(proto.dtype)
    if kind is None:
        raise ValueError(f"tensor of dtype number {proto.dtype}, which has no NumPy counterpart")
    sent = proto.tensor_shape
    if sent.unknown_rank or len(sent.dim) > _MAX_RANK:
        raise ValueError("tensor of unknown rank or of more than 64 dimensions")
    shape = tuple([dim.size for dim in sent.dim])
    if shape and min(shape) < 0:
        raise ValueError(f"tensor with a negative dimension, shape {list(shape)}")
    count = math.prod(shape)
    # A zero dimension must not hide others that NumPy could not multiply.
    extent = (count or math.prod(size or 1 for size in shape)) * kind.numpy.itemsize
    if extent > (1 << 62) or (max_bytes is not None and count * kind.numpy.itemsize > max_bytes):
        raise ValueError(f"tensor of shape {list(shape)} is larger than {max_bytes} bytes")
    if content := proto.tensor_content:
        return _from_content(content, kind, shape, count)
    values = getattr(proto, kind.field)
    if kind is BY_NAME["string"]:
        flat = np.empty(count, dtype=object)
        taken = list(values[:count])
        flat[:] = taken + [taken[-1] if taken else b""] * (count - len(taken))
        return flat.reshape(shape)
    return _spread(_numbers(values, kind), count).reshape(shape)


def to_proto(array: Any, dtype: str | None = None, content: bool = True) -> Any:
    """Encodes an array.

    Args:
        array: Anything `numpy.asarray` takes; `str` and `bytes` become strings.
        dtype: Name of the TensorFlow dtype, such as `"bfloat16"` for a float32 array; by default
            the array's own.
        content: Put the bytes into `tensor_content` (compact, quick); otherwise into the typed
            field, as TF Serving answers by default.

    Returns:
        A `TensorProto`.

    Raises:
        ValueError: The dtype is unknown to TensorFlow.
    """
    proto = TensorProto()
    fill_proto(proto, array, dtype, content)
    return proto


def fill_proto(proto: Any, array: Any, dtype: str | None = None, content: bool = True) -> None:
    """Encodes an array as `to_proto` does, into an empty `TensorProto` that is there."""
    array = np.asarray(array)
    name = dtype or _name(array.dtype)
    kind = BY_NAME.get(name)
    if kind is None:
        raise ValueError(f"dtype {name} cannot be sent; it must be one of {', '.join(BY_NAME)}")
    proto.MergeFromString(_head(kind.number, array.shape))
    if name == "string":
        strings = [as_bytes(item) for item in array.ravel().tolist()]
        if content and strings:
            proto.tensor_content = b"".join(_varint(len(item)) for item in strings) + b"".join(
                strings
            )
        else:
            proto.string_val.extend(strings)
        return
    if name == "bfloat16":
        array = _to_bfloat16(array)
    else:
        array = np.ascontiguousarray(array, dtype=kind.numpy)
    if content:
        proto.tensor_content = array.tobytes()
    else:
        _fill_field(proto, array.ravel(), kind)


@functools.lru_cache(maxsize=1024)
def _head(number: int, shape: tuple[int, ...]) -> bytes:
    """A `TensorProto` of this dtype and shape, without its content."""
    proto = TensorProto(dtype=number)
    for size in shape:
        proto.tensor_shape.dim.add(size=size)
    return proto.SerializeToString()


@functools.cache
def _name(dtype: np.dtype) -> str:
    """TensorFlow's name of a dtype; NumPy takes microseconds to spell its own."""
    return "string" if dtype.kind in "OSU" else dtype.name


def as_bytes(item: Any) -> bytes:
    """Encodes one string as UTF-8; bytes pass unchanged."""
    if isinstance(item, bytes):
        return item
    if isinstance(item, str):
        return item.encode()
    raise ValueError(f"a string tensor holds str or bytes, received {type(item).__name__}")


def _from_content(content: bytes, kind: Kind, shape: tuple[int, ...], count: int) -> np.ndarray:
    if kind.name == "string":
        return _split_strings(content, count).reshape(shape)
    stored = np.dtype("<u2") if kind.name == "bfloat16" else kind.numpy
    if len(content) != count * stored.itemsize:
        raise ValueError(
            f"tensor_content of {len(content)} bytes for {count} values of {kind.name}"
        )
    array = np.frombuffer(content, dtype=stored)
    return (_from_bfloat16(array) if kind.name == "bfloat16" else array).reshape(shape)


def _numbers(values: Any, kind: Kind) -> np.ndarray:
    if kind.field == "half_val":
        bits = np.array(values, dtype=np.int32).astype(np.uint16)
        return _from_bfloat16(bits) if kind.name == "bfloat16" else bits.view(np.float16)
    if kind.field == "int_val":
        return np.array(values, dtype=np.int32).astype(kind.numpy)
    if kind.field in ("scomplex_val", "dcomplex_val"):
        part = np.dtype("<f4" if kind.field == "scomplex_val" else "<f8")
        flat = np.array(values, dtype=part)
        return flat[: flat.size // 2 * 2].view(kind.numpy)
    return np.array(values, dtype=kind.numpy)


def _spread(values: np.ndarray, count: int) -> np.ndarray:
    if values.size >= count:
        return values[:count]
    full = np.empty(count, dtype=values.dtype)
    full[: values.size] = values
    full[values.size :] = values[-1] if values.size else 0
    return full


def _fill_field(proto: Any, flat: np.ndarray, kind: Kind) -> None:
    if not flat.size:
        return
    if kind.field in ("float_val", "double_val", "scomplex_val", "dcomplex_val", "bool_val"):
        # A packed field of fixed-width values is the array's own bytes: hundreds of times
        # quicker than appending numbers. (A bool is a varint of one byte.)
        packed = flat.tobytes()
        proto.MergeFromString(_FIELD_KEYS[kind.field] + _varint(len(packed)) + packed)
    elif kind.field == "half_val":
        proto.half_val.extend(flat.view(np.uint16).tolist())
    else:
        getattr(proto, kind.field).extend(flat.tolist())


def _to_bfloat16(array: np.ndarray) -> np.ndarray:
    if array.dtype.name == "bfloat16":
        return np.ascontiguousarray(array).view(np.uint16)
    bits = np.ascontiguousarray(array, dtype="<f4").view(np.uint32)
    rounded = (bits + (((bits >> 16) & 1) + np.uint32(0x7FFF))) >> 16
    nan = (bits & 0x7FFFFFFF) > 0x7F800000
    return np.where(nan, (bits >> 16) | 0x40, rounded).astype(np.uint16)


def round_bfloat16(array: np.ndarray) -> np.ndarray:
    """Rounds float32 values to the nearest that bfloat16 holds."""
    return _from_bfloat16(_to_bfloat16(array)).reshape(array.shape)


def _from_bfloat16(bits: np.ndarray) -> np.ndarray:
    return (bits.astype(np.uint32) << 16).view(np.float32)


def _split_strings(content: bytes, count: int) -> np.ndarray:
    """Splits TensorFlow's string encoding: all lengths as varints, then all bytes."""
    if count > len(content):
        raise ValueError(f"tensor_content of {len(content)} bytes for {count} strings")
    lengths, at = [], 0
    for _ in range(count):
        length = shift = 0
        while True:
            if at >= len(content) or shift > 28:
                raise ValueError("tensor_content holds a broken string length")
            byte = content[at]
            at += 1
            length |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
        lengths.append(length)
    if at + sum(lengths) != len(content):
        raise ValueError("tensor_content does not hold the strings that its lengths announce")
    strings = np.empty(count, dtype=object)
    for index, length in enumerate(lengths):
        strings[index] = content[at : at + length]
        at += length
    return strings
