"""`TiedDense`: a dense layer that reads another layer's kernel backwards."""

from __future__ import annotations

import collections
import types
from collections.abc import Iterator
from typing import Any

import keras


@keras.saving.register_keras_serializable(package="zoo")
class TiedDense(keras.layers.Layer):
    """Multiplies by the transposed kernel of an earlier `Dense` and adds a bias of its own.

    The earlier layer is found by its name among those that its input was computed from. The
    kernel stays that layer's; this one owns the bias alone.

    Args:
        tied_to: Name of the `keras.layers.Dense`.
        activation: Activation function, as for `keras.layers.Dense`.
        **kwargs: As for any layer.

    Call arguments:
        inputs: Tensor `[batch, units of the other layer]`, of a functional model.

    Returns:
        Tensor `[batch, inputs of the other layer]`.

    Raises:
        ValueError: When called, if its input was not computed from a dense layer of that name.

    Reference:
        [Vincent et al., Stacked Denoising Autoencoders, 2010](https://jmlr.org/papers/v11/vincent10a.html),
        section 2.2

    Example:
    >>> code = keras.layers.Dense(32, "sigmoid", name="code")(inputs)
    >>> outputs = TiedDense("code", "sigmoid")(code)
    """

    def __init__(self, tied_to: str, activation: Any = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.tied_to = tied_to
        self.activation = keras.activations.get(activation)
        # In a namespace, or Keras would track and save the other layer a second time.
        self._found = types.SimpleNamespace(layer=None)

    def build(self, input_shape: tuple) -> None:
        """Creates the bias."""
        if self._found.layer is None:
            raise ValueError(
                "A TiedDense must be called on the symbolic tensors of a functional model first. "
                f"Received: tied_to={self.tied_to!r}"
            )
        self.bias = self.add_weight(
            shape=(self._found.layer.kernel.shape[0],), initializer="zeros", name="bias"
        )
        self.built = True

    def get_build_config(self) -> None:
        """Nothing: the layer is built when it is called and finds the other one."""
        return None

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Finds the other layer where the input is symbolic, and calls this one."""
        if hasattr(inputs, "_keras_history"):
            self._found.layer = _named_dense(inputs, self.tied_to)
        return super().__call__(inputs, *args, **kwargs)

    def call(self, inputs: Any) -> Any:
        """Applies the transposed kernel, the bias and the activation."""
        kernel = keras.ops.cast(self._found.layer.kernel, self.compute_dtype)
        return self.activation(keras.ops.matmul(inputs, keras.ops.transpose(kernel)) + self.bias)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """As wide as the other layer's input."""
        return (*input_shape[:-1], self._found.layer.kernel.shape[0])

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        activation = keras.activations.serialize(self.activation)
        return {**super().get_config(), "tied_to": self.tied_to, "activation": activation}


def nearest_dense(code: Any) -> keras.layers.Dense:
    """The dense layer that a code comes from, looking back through layers of other kinds.

    Raises:
        ValueError: If there is none, or it has not as many units as the code.
    """
    for operation in _ancestors(code):
        if isinstance(operation, keras.layers.Dense):
            if operation.units == code.shape[-1]:
                return operation
            break
    raise ValueError(
        "Tied weights want a code that is made by a keras.layers.Dense: use tied=False with this "
        f"variant. Received: code={code}"
    )


def _named_dense(tensor: Any, name: str) -> keras.layers.Dense:
    for operation in _ancestors(tensor):
        if operation.name == name and isinstance(operation, keras.layers.Dense):
            return operation
    raise ValueError(
        "The input of a TiedDense must be computed from the keras.layers.Dense that it is tied "
        f"to. Received: tied_to={name!r}, input={tensor}"
    )


def _ancestors(tensor: Any) -> Iterator[Any]:
    # The operations that a symbolic tensor was computed by, nearest first.
    waiting, seen = collections.deque([tensor]), set()
    while waiting:
        operation, node, _ = waiting.popleft()._keras_history
        if (id(operation), node) not in seen:
            seen.add((id(operation), node))
            yield operation
            waiting.extend(operation._inbound_nodes[node].input_tensors)
