"""What an autoencoder is given besides inputs: targets, codes to learn, and weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

if TYPE_CHECKING:
    from zoo.autoencoder import Autoencoder

KEYS = {"reconstruction", "code"}


def explicit_target(x: Any, y: Any, sample_weight: Any) -> Any:
    """`y`, or `x` in its place where there are weights: Keras drops them if there is no `y`."""
    return x if y is None and sample_weight is not None else y


def with_explicit_target(held_out: Any) -> Any:
    """Validation data whose weights count, too, where it is `(x, None, weights)`."""
    if isinstance(held_out, tuple | list) and len(held_out) == 3:
        x, y, weight = held_out
        return x, explicit_target(x, y, weight), weight
    return held_out


def split_targets(x: Any, y: Any) -> tuple[Any, Any]:
    """What to reconstruct, and the codes to teach or `None`.

    Args:
        x: The inputs.
        y: Nothing, a target, or a dictionary of `KEYS`.

    Returns:
        The target, raw, and the codes.

    Raises:
        ValueError: If a key of the dictionary is unknown.
    """
    if not isinstance(y, dict) or (isinstance(x, dict) and set(y) == set(x)):
        return x if y is None else y, None
    if not y or set(y) - KEYS:
        raise ValueError(
            f"A dictionary of targets must have the keys {' or '.join(sorted(KEYS))}. "
            f"Received: {', '.join(map(str, y)) or 'none'}"
        )
    return y.get("reconstruction", x), y.get("code")


def split_weights(sample_weight: Any) -> tuple[Any, Any]:
    """Weights of the reconstructions and of the codes, each `[batch]` or `None`.

    Args:
        sample_weight: One number an example, `[batch]` or `[batch, 1]`, or a dictionary of such
            by the keys of the targets, as Keras makes of weights where targets are one.

    Raises:
        ValueError: If it has another shape.
    """
    if isinstance(sample_weight, dict):
        code = sample_weight.get("code")
        return _per_example(sample_weight.get("reconstruction", code)), _per_example(code)
    weight = _per_example(sample_weight)
    return weight, weight


def check_codes(model: Autoencoder, codes: Any) -> None:
    """Checks codes to teach, if there are any; those that are no array are left to Keras.

    Raises:
        ValueError: If the model takes no codes, or they have another shape or are not in [0, 1].
    """
    if codes is None:
        return
    if model.code_weight is None:
        raise ValueError(
            'This model cannot be taught codes: leave out y["code"], or use the variant '
            "`semantic-hash`. Received: codes"
        )
    if not isinstance(codes, np.ndarray):
        return
    if codes.shape[1:] != (model.code.size,):
        raise ValueError(
            f'y["code"] must have the shape {(None, model.code.size)}. Received: {codes.shape}'
        )
    if codes.size and not (codes.min() >= 0 and codes.max() <= 1):
        raise ValueError(
            'y["code"] must be bits, or probabilities of them, in [0, 1]. '
            f"Received: values from {codes.min()} to {codes.max()}"
        )


def _per_example(weight: Any) -> Any:
    if weight is None or weight.shape.rank == 1:
        return weight
    if weight.shape.rank is None:  # after calls with weights of several ranks
        return keras.ops.reshape(weight, (-1,))
    if weight.shape.rank == 2 and weight.shape[1] == 1:
        return weight[:, 0]
    raise ValueError(
        "`sample_weight` must be one number an example, of the shape [batch] or [batch, 1]. "
        f"Received: shape={tuple(weight.shape)}"
    )
