"""Packed codes as machine words: checking what comes in, Hamming distances, parts of codes.

A code of `bits` bits comes packed as `numpy.packbits` packs it: most significant bit first,
zeros at the end. Inside the index codes are columns of unsigned words, `[words, n]`: one word
of 32 or 64 bits for codes up to that length, several 64-bit words for longer ones. Bytes
become words big-endian, so that the leading bits of a code are the leading bits of a word.
"""

from __future__ import annotations

import numpy as np

MIN_BITS, MAX_BITS = 8, 512


def check_bits(bits: int) -> int:
    """Returns `bits` if an index can hold codes of that length.

    Raises:
        ValueError: If it is not a whole number from 8 to 512.
    """
    if isinstance(bits, bool) or not isinstance(bits, (int, np.integer)):
        raise ValueError(f"`bits` must be a whole number. Received: bits={bits!r}")
    if not MIN_BITS <= bits <= MAX_BITS:
        raise ValueError(f"`bits` must be from {MIN_BITS} to {MAX_BITS}. Received: bits={bits}")
    return int(bits)


def word_dtype(bits: int) -> np.dtype:
    """The unsigned integer that holds a code of `bits` bits, or 64 bits of a longer one."""
    return np.dtype(np.uint32 if bits <= 32 else np.uint64)


def word_count(bits: int) -> int:
    """How many words a code takes."""
    return -(-bits // 64)


def check_codes(codes: np.ndarray, bits: int) -> np.ndarray:
    """Returns codes as a uint8 array [n, bytes]; one code alone becomes n = 1.

    Raises:
        ValueError: If dtype, shape or the padding bits are wrong.
    """
    codes = np.asarray(codes)
    size = -(-bits // 8)
    if codes.dtype != np.uint8:
        raise ValueError(f"codes must be packed bits, uint8. Received: dtype={codes.dtype}")
    if codes.ndim == 1:
        codes = codes[None]
    if codes.ndim != 2 or codes.shape[1] != size:
        raise ValueError(
            f"codes of {bits} bits must have shape [n, {size}]. Received: shape={codes.shape}"
        )
    if bits % 8 and (codes[:, -1] & (0xFF >> bits % 8)).any():
        raise ValueError(
            f"the last {8 - bits % 8} bits of a code of {bits} bits must be zero, as "
            "numpy.packbits pads them. Received: codes with other bits set there"
        )
    return codes


def to_words(codes: np.ndarray, bits: int) -> np.ndarray:
    """Packed codes uint8 [n, bytes] as words [words, n]."""
    dtype, words = word_dtype(bits), word_count(bits)
    padding = words * dtype.itemsize - codes.shape[1]
    if padding:
        codes = np.pad(codes, ((0, 0), (0, padding)))
    big_endian = np.ascontiguousarray(codes).view(dtype.newbyteorder(">"))
    return np.ascontiguousarray(big_endian.T.astype(dtype))


def to_codes(words: np.ndarray, bits: int) -> np.ndarray:
    """Words [words, n] as packed codes uint8 [n, bytes]."""
    dtype = words.dtype.newbyteorder(">")
    rows = np.ascontiguousarray(words.T.astype(dtype))
    return np.ascontiguousarray(rows.view(np.uint8)[:, : -(-bits // 8)])


def hamming(words: np.ndarray, query: np.ndarray) -> np.ndarray:
    """Hamming distances of words [words, n] to one query [words], or to n queries [words, n].

    Returns:
        uint8 [n] for codes of at most 192 bits, else uint16 [n].
    """
    distances = np.bitwise_count(words[0] ^ query[0])
    if len(words) > 3:
        distances = distances.astype(np.uint16)
    for column, word in zip(words[1:], query[1:], strict=True):
        distances += np.bitwise_count(column ^ word)
    return distances
