"""Texts of any length as two plain arrays, which `.npz` files can hold."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def pack(texts: np.ndarray) -> dict[str, np.ndarray]:
    """Puts the UTF-8 bytes of all texts one after the other.

    Args:
        texts: Strings `[n]`.

    Returns:
        `text_utf8`, uint8, and `offsets`, int64 `[n + 1]`: text i is the bytes from
        `offsets[i]` to `offsets[i + 1]`.
    """
    parts = [str(text).encode() for text in texts]
    offsets = np.cumsum([0, *map(len, parts)], dtype="int64")
    return {"text_utf8": np.frombuffer(b"".join(parts), "uint8"), "offsets": offsets}


def unpack(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """The texts, as objects `[n]`.

    Raises:
        ValueError: If offsets do not fit the bytes, or a text is not UTF-8.
    """
    content, offsets = np.asarray(arrays["text_utf8"], "uint8"), np.ravel(arrays["offsets"])
    if not len(offsets) or offsets[-1] != len(content) or (np.diff(offsets) < 0).any():
        raise ValueError(f"offsets do not fit the {len(content)} bytes of text_utf8")
    whole = content.tobytes()
    texts = np.empty(len(offsets) - 1, object)
    for i in range(len(texts)):
        texts[i] = whole[offsets[i] : offsets[i + 1]].decode()
    return texts
