"""`Between`: what leads from one symbolic tensor to another, to be called again by a layer."""

from __future__ import annotations

from typing import Any

import keras


class Between:
    """The part of a functional model that makes one tensor of another, for a layer to call.

    Keras tracks what a layer holds of other layers, and would save their weights a second time;
    what this holds it does not see. Unlike a `keras.Model` it adds no nodes to the graph, and a
    model counts those of its layers when it is loaded.

    Args:
        owner: The name of the layer's class, for messages.

    Example:
    >>> between = Between("Frozen")
    >>> between.find(code, reconstruction)  # in the layer's compute_output_spec
    >>> between(code)  # in its call
    """

    def __init__(self, owner: str):
        self.owner = owner
        self._function: keras.Function | None = None

    def find(self, source: Any, result: Any) -> None:
        """Remembers what lies between two tensors, if they are those of a functional model.

        Args:
            source: Where the part begins.
            result: Where it ends; computed from the source and from nothing else.

        Raises:
            ValueError: If the result depends on something else.
        """
        if not hasattr(result, "_keras_history"):
            return
        try:
            self._function = keras.Function(source, result)
        except ValueError as error:
            raise ValueError(
                f"{self.owner}: the result must be computed from the source and from nothing "
                f"else. Received: source={source}, result={result}"
            ) from error

    @property
    def layers(self) -> list[keras.layers.Layer]:
        """The layers on the way."""
        operations = [] if self._function is None else self._function.operations
        return [layer for layer in operations if isinstance(layer, keras.layers.Layer)]

    @property
    def trainable_variables(self) -> list[Any]:
        """The trainable variables on the way."""
        return [variable for layer in self.layers for variable in layer.trainable_variables]

    def __call__(self, source: Any) -> Any:
        """Calls the part on a tensor like the source.

        Raises:
            ValueError: If nothing was found yet.
        """
        if self._function is None:
            raise ValueError(
                f"{self.owner} must be called on the symbolic tensors of a functional model "
                "before it is called on data."
            )
        return self._function(source)
