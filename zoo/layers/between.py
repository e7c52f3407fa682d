"""`layers_between`: what leads from one symbolic tensor to another, to be called again."""

from __future__ import annotations

from typing import Any

import keras


def layers_between(source: Any, result: Any) -> keras.Function:
    """The part of a functional model that makes one symbolic tensor of another.

    Unlike a `keras.Model` it adds no nodes to the graph, and a model counts those of its layers
    when it is loaded.

    Args:
        source: Where the part begins.
        result: Where it ends; computed from the source and from nothing else.

    Returns:
        The part, called on tensors like the source.

    Raises:
        ValueError: If the result depends on something else.

    Example:
    >>> decoder = layers_between(code, reconstruction)
    """
    try:
        return keras.Function(source, result)
    except ValueError as error:
        raise ValueError(
            "The result must be computed from the source and from nothing else. "
            f"Received: source={source}, result={result}"
        ) from error
