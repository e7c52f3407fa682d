"""`EncoderPenalty`: base of penalties on the Jacobian of an encoder."""

from __future__ import annotations

import math
import types
from typing import Any

import keras
import tensorflow as tf

from zoo.layers.penalty import Penalty

METHODS = ("auto", "closed-form", "exact", "probe")

# The exact way computes the code this many times at most where it is chosen automatically.
FEW = 8

# What may stand before the layer of a closed form: it moves values and changes none.
_MOVING = (keras.layers.InputLayer, keras.layers.Flatten, keras.layers.Reshape)


class EncoderPenalty(Penalty):
    """Base of penalties on the Jacobian of the part of a functional model that makes a code.

    The layer is called on the code and on the inputs that it was made from, finds the layers in
    between by itself, and calls them again, as outside of training, to differentiate them. It
    owns none of their weights.

    Args:
        weight: Factor of the penalty in the loss, a non-negative float or a schedule.
        method: How the Jacobian is found.
            `"closed-form"`: from the weights, if the encoder is one `keras.layers.Dense` with a
            sigmoid or tanh;
            `"exact"`: by automatic differentiation, forward if the inputs are fewer than the
            units of the code, else in reverse; costs the smaller of the two numbers times;
            `"probe"`: products with random directions, forward, which estimate it without bias;
            `"auto"`: the first that is possible and, for `"exact"`, computes the code no more
            than 8 times.
        probes: Number of random directions of each example.
        seed: Integer seed of the directions, or `None`.
        **kwargs: As for any layer.

    Call arguments:
        inputs: `[code, x]`: the code `[batch, units]` and the encoder's inputs `[batch, ...]`.

    Returns:
        The code, unchanged.

    Raises:
        ValueError: If an argument is wrong, or, when called, the code does not depend on `x`
            alone or the method does not suit the encoder.
    """

    def __init__(
        self,
        weight: Any,
        method: str = "auto",
        probes: int = 1,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(weight, **kwargs)
        if method not in METHODS:
            raise ValueError(
                f"`method` must be one of {', '.join(METHODS)}. Received: method={method!r}"
            )
        if not isinstance(probes, int) or probes < 1:
            raise ValueError(f"`probes` must be a positive integer. Received: probes={probes!r}")
        self.method = method
        self.probes = probes
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        # In a namespace, or Keras would track and save the encoder a second time.
        self._found = types.SimpleNamespace(encoder=None, closed=None, way=None)

    @property
    def way(self) -> str | None:
        """The method in use: "closed-form", "forward", "reverse" or "probe"."""
        return self._found.way

    def compute_output_spec(self, inputs: Any, training: bool = False) -> Any:
        """That of the code; the symbolic tensors tell what the encoder is."""
        code, x = inputs
        if hasattr(code, "_keras_history"):
            try:
                encoder = keras.Model(x, _without_penalties(code))
            except ValueError as error:
                raise ValueError(
                    "The code must be computed from `x` and from nothing else. "
                    f"Received: code={code}, x={x}"
                ) from error
            self._found.encoder = encoder
            self._found.closed = _closed_layer(encoder)
            self._found.way = self._choose(encoder)
        return super().compute_output_spec(inputs, training)

    def draw_seed(self, training: bool) -> Any:
        """A seed: a new one each time in training, otherwise always the same.

        So evaluation is repeatable, and leaves the sequence of training as it was.
        """
        return self.seed_generator if training else 0

    def directions(self, x: Any, seed: Any) -> Any:
        """Random directions at points `[batch, ...]`, for `jacobian`; `None` if it needs none."""
        if self.way != "probe":
            return None
        shape = (keras.ops.shape(x)[0] * self.probes, *x.shape[1:])
        coin = keras.random.uniform(shape, dtype="float32", seed=seed) < 0.5
        return keras.ops.where(coin, -1.0, 1.0)

    def jacobian(self, x: Any, directions: Any = None, code: Any = None) -> Any:
        """Numbers whose squares sum up to that of all entries of the Jacobian.

        They are linear in the Jacobian: those of a difference are their difference.

        Args:
            x: Points `[batch, ...]`, float32.
            directions: What `directions` returned; their sum of squares is then right in the
                mean over directions.
            code: The codes of `x`, if known.

        Returns:
            float32 tensor `[batch, numbers]`.
        """
        if self._found.encoder is None:
            raise ValueError(
                f"{type(self).__name__} must be called on the symbolic tensors of a functional "
                "model before it is called on data."
            )
        if self.way == "closed-form":
            return self._closed_form(x, code)
        if self.way == "probe":
            return self._forward(x, directions, self.probes) / math.sqrt(self.probes)
        if self.way == "forward":
            size = math.prod(x.shape[1:])
            basis = keras.ops.reshape(keras.ops.eye(size), (size, *x.shape[1:]))
            return self._forward(x, self._tile(basis, keras.ops.shape(x)[0]), size)
        return self._reverse(x)

    def _choose(self, encoder: keras.Model) -> str:
        size, units = math.prod(encoder.input_shape[1:]), encoder.output_shape[-1]
        exact = "forward" if size < units else "reverse"
        if self.method == "auto":
            if self._found.closed is not None:
                return "closed-form"
            return exact if min(size, units) <= FEW else "probe"
        if self.method == "closed-form" and self._found.closed is None:
            raise ValueError(
                "method='closed-form' wants an encoder that is one Dense layer with sigmoid or "
                "tanh (the dense backbone with hidden=() makes one); use 'exact' or 'probe'. "
                f"Received: {[layer.name for layer in encoder.layers]}"
            )
        return exact if self.method == "exact" else self.method

    def _closed_form(self, x: Any, code: Any) -> Any:
        layer = self._found.closed
        code = self._found.encoder(x, training=False) if code is None else code
        code = keras.ops.cast(code, "float32")
        slope = code * (1 - code) if _is_sigmoid(layer) else 1 - keras.ops.square(code)
        norms = keras.ops.sum(keras.ops.square(keras.ops.cast(layer.kernel, "float32")), axis=0)
        # The tiny number keeps the root's gradient finite where all weights of a unit are 0.
        return slope * keras.ops.sqrt(norms + 1e-12)

    def _forward(self, x: Any, directions: Any, count: int) -> Any:
        points = keras.ops.repeat(x, count, axis=0)
        with tf.autodiff.ForwardAccumulator(points, directions) as accumulator:
            code = keras.ops.cast(self._found.encoder(points, training=False), "float32")
        return keras.ops.reshape(accumulator.jvp(code), (-1, count * code.shape[-1]))

    def _reverse(self, x: Any) -> Any:
        units = self._found.encoder.output_shape[-1]
        points = keras.ops.repeat(x, units, axis=0)
        basis = self._tile(keras.ops.eye(units), keras.ops.shape(x)[0])
        with tf.GradientTape() as tape:
            tape.watch(points)
            code = keras.ops.cast(self._found.encoder(points, training=False), "float32")
        gradient = tape.gradient(code, points, output_gradients=basis)
        return keras.ops.reshape(gradient, (-1, units * math.prod(x.shape[1:])))

    @staticmethod
    def _tile(basis: Any, batch: Any) -> Any:
        return keras.ops.tile(basis, (batch, *[1] * (len(basis.shape) - 1)))

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        own = {"method": self.method, "probes": self.probes, "seed": self.seed}
        return {**super().get_config(), **own}


def _without_penalties(code: Any) -> Any:
    # Penalties may be chained: what they return is the code that they were called on.
    while isinstance(code._keras_history.operation, Penalty):
        history = code._keras_history
        code = history.operation._inbound_nodes[history.node_index].input_tensors[0]
    return code


def _closed_layer(encoder: keras.Model) -> keras.layers.Dense | None:
    # The only layer that does something, if its Jacobian is known in closed form.
    layers = [layer for layer in encoder.layers if not isinstance(layer, _MOVING)]
    if len(layers) != 1 or type(layers[0]) is not keras.layers.Dense:
        return None
    known = (keras.activations.sigmoid, keras.activations.tanh)
    flat = len(layers[0].input.shape) == 2
    return layers[0] if flat and layers[0].activation in known else None


def _is_sigmoid(layer: keras.layers.Dense) -> bool:
    return layer.activation is keras.activations.sigmoid
