"""From what users hand over to arrays of a signature's dtype, where no value changes."""

from __future__ import annotations

from typing import Any

import numpy as np

from serving.wire.codec import Kind, round_bfloat16

_PYTHON = {bool, int, float, complex}


def lossless(value: Any, kind: Kind) -> np.ndarray:
    """Casts numbers to a dtype that holds every one of them exactly.

    Python's own floats, alone or in lists, are rounded: they have no width of their own, and
    nobody can write one of 32 bits.

    Args:
        value: An array, a number, or a nested list of either.
        kind: The dtype.

    Returns:
        An array of `kind.numpy`; for bfloat16 float32 with values that bfloat16 holds.

    Raises:
        ValueError: A value would change, or is no number.
    """
    if np.ma.is_masked(value):
        raise ValueError("received masked values; fill them first")
    types = _leaf_types(value) if isinstance(value, (list, tuple)) else {_leaf_type(value)}
    if types <= _PYTHON:
        return _from_python(value, types, kind)
    if isinstance(value, (list, tuple)) and (len(types) > 1 or type in map(type, types)):
        # NumPy would find a common dtype, and it need not hold them all.
        return np.stack([lossless(item, kind) for item in value])
    return _exact(np.asarray(value), kind)


def _from_python(value: Any, types: set[Any], kind: Kind) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype.kind not in "fc" or kind.numpy.kind not in "fc":
        return _exact(array, kind)
    if array.dtype.kind == "c" and kind.numpy.kind == "f":
        return _exact(array, kind)
    if int in types:
        _check_integers(value)
    with np.errstate(all="ignore"):
        cast = _rounded(array.astype(kind.numpy), kind)
    _refuse(array, np.isfinite(cast) | ~np.isfinite(array), f"that are too large for {kind.name}")
    return cast


def _check_integers(value: Any) -> None:
    """Refuses whole numbers beside floats that float64 does not hold."""
    if isinstance(value, (list, tuple)):
        for item in value:
            _check_integers(item)
    elif type(value) is int and int(float(value)) != value:
        raise ValueError(f"received {value}, which float64 cannot hold exactly")


def _exact(array: np.ndarray, kind: Kind) -> np.ndarray:
    want = kind.numpy
    if array.dtype == want and kind.name != "bfloat16":
        return array
    if array.dtype.kind not in "biufcV" or array.dtype.type is np.void:
        hint = "strings or files, which models of raw input take"
        raise ValueError(f"received {hint if array.dtype.kind in 'SU' else array.dtype}")
    if array.dtype.kind == "V":
        # The small floats of ml_dtypes; float64 holds them all.
        array = array.astype(np.float64)
    wide = array.dtype.kind in "iu" and array.dtype.itemsize == 8 and want.kind in "fc"
    if np.can_cast(array.dtype, want, "safe") and not wide and kind.name != "bfloat16":
        return array.astype(want)
    with np.errstate(all="ignore"):
        cast, same = _compare(array, want)
        if kind.name == "bfloat16":
            same &= (round_bfloat16(cast) == cast) | np.isnan(cast)
    how = "round them" if kind.name == "bfloat16" else f"cast with astype({kind.name!r})"
    _refuse(array, same, f"that {kind.name} cannot hold exactly; {how}")
    return cast


def _refuse(array: np.ndarray, fine: np.ndarray, why: str) -> None:
    if not np.all(fine):
        raise ValueError(f"received {array.dtype} values such as {array[~fine].flat[0]} {why}")


def _rounded(array: np.ndarray, kind: Kind) -> np.ndarray:
    return round_bfloat16(array) if kind.name == "bfloat16" else array


def _compare(array: np.ndarray, want: np.dtype) -> tuple[np.ndarray, Any]:
    """Casts, and says which values came through."""
    if want.kind == "c":
        part = np.dtype(f"f{want.itemsize // 2}")
        cast = np.zeros(array.shape, want)
        cast.real, same = _compare(array.real, part)
        if array.dtype.kind == "c":
            cast.imag, alike = _compare(array.imag, part)
            same &= alike
        return cast, same
    if array.dtype.kind == "c":
        cast, same = _compare(array.real, want)
        return cast, same & (array.imag == 0)
    cast = array.astype(want)
    same = cast.astype(array.dtype) == array
    floats = (array.dtype.kind == "f", want.kind == "f")
    if all(floats):
        same |= np.isnan(cast) & np.isnan(array)
    elif any(floats):
        # Whole numbers out of range: casts of them are undefined, and may come back the same.
        whole = want if floats[0] else array.dtype
        if whole.kind in "iu":
            number = array if floats[0] else cast
            info = np.iinfo(whole)
            same &= (number >= float(info.min)) & (number < float(info.max + 1))
    else:
        same &= (cast < 0) == (array < 0)  # a whole number that wraps around wraps back
    return cast, same


def _leaf_types(items: Any) -> set[Any]:
    types = set(map(type, items))
    if types <= _PYTHON:
        return types
    found: set[Any] = set()
    for item in items:
        if isinstance(item, (list, tuple)):
            found |= _leaf_types(item)
        else:
            found.add(_leaf_type(item))
    return found


def _leaf_type(item: Any) -> Any:
    """NumPy's dtype, or the class of what has none of NumPy's."""
    return item.dtype if isinstance(item, (np.ndarray, np.generic)) else type(item)
