"""Folding: what only scales and shifts in inference becomes part of the layer beside it.

Batch normalisation, once trained, multiplies each channel with a number and adds another. So
does a layer that standardises or rescales inputs. Next to a dense or convolutional layer both
can be done by its kernel and bias, at no cost: the passes over the activations are saved.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras.src.models.functional import Functional

import zoo

_CONVOLUTIONS = (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D)
_DEPTHWISE = (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)
_TRANSPOSED = (
    keras.layers.Conv1DTranspose,
    keras.layers.Conv2DTranspose,
    keras.layers.Conv3DTranspose,
)
_LINEAR = (keras.layers.Dense, *_CONVOLUTIONS, *_DEPTHWISE, *_TRANSPOSED)

# Layers that pass inputs on unchanged outside of training.
_INACTIVE = (
    keras.layers.ActivityRegularization,
    keras.layers.AlphaDropout,
    keras.layers.Dropout,
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
    keras.layers.Identity,
    keras.layers.SpatialDropout1D,
    keras.layers.SpatialDropout2D,
    keras.layers.SpatialDropout3D,
)


class Folded:
    """A functional or sequential model with scales and shifts folded into its weights.

    The model is not changed: layers that fold something are copied, all others are its own.
    Called as the model is, for inference only. A model of another kind, or one where nothing
    can be folded, runs as it is.

    Args:
        model: The model.

    Attributes:
        layers: The copies.
        folded: Names of the layers that are no longer run.

    Reference:
        [Jacob et al., Quantization and Training of Neural Networks for Efficient
        Integer-Arithmetic-Only Inference, 2018](https://arxiv.org/abs/1712.05877), section 3.2

    Example:
        >>> folded = Folded(keras.applications.ResNet50())  # doctest: +SKIP
        >>> len(folded.folded), numpy.allclose(folded(x), model(x), atol=1e-5)  # doctest: +SKIP
        (53, True)
    """

    def __init__(self, model: keras.Model):
        self._model = model
        self._graph = _graph(model)
        self._run: dict[int, Callable[..., Any]] = {}
        self.layers: tuple[keras.layers.Layer, ...] = ()
        self.folded: tuple[str, ...] = ()
        if self._graph is None:
            return
        for operation in self._graph.operations:
            if _graph(operation) is not None:
                inner = Folded(operation)
                if inner.folded:
                    self._run[id(operation)] = inner
                    self.layers += inner.layers
                    self.folded += tuple(f"{operation.name}/{name}" for name in inner.folded)
        plan = _Plan(self._graph)
        for linear in plan.changed.values():
            copy = linear.copy()
            self._run[id(linear.layer)] = copy
            self.layers += (copy,)
        for layer in plan.dropped:
            self._run[id(layer)] = _pass_on
        self.folded += tuple(plan.folded)

    def __call__(self, inputs: Any, training: bool = False, mask: Any = None) -> Any:
        """What the model answers in inference; masks travel with the tensors."""
        if self._graph is None or not self.folded:
            return self._model(inputs, training=False)
        flat = self._graph._standardize_inputs(inputs)
        outputs = self._graph._run_through_graph(flat, operation_fn=self._operation)
        if isinstance(outputs, list | tuple) and len(outputs) == 1:
            return outputs[0]
        return outputs

    def _operation(self, operation: Any) -> Callable[..., Any]:
        run = self._run.get(id(operation), operation)
        if "training" not in getattr(run, "_call_context_args", ()):
            return run
        return lambda *args, **kwargs: run(*args, **(kwargs | {"training": False}))


def copies(*parts: Any) -> tuple[keras.layers.Layer, ...]:
    """The layers that folding added to models, given folded or as they were."""
    return tuple(layer for part in parts if isinstance(part, Folded) for layer in part.layers)


def folded(*parts: Any) -> list[str]:
    """Names of the layers that folding dropped."""
    return [name for part in parts if isinstance(part, Folded) for name in part.folded]


@dataclasses.dataclass
class _Linear:
    """A dense or convolutional layer, and the weights that it gets."""

    layer: keras.layers.Layer
    input_shape: tuple
    kernel: np.ndarray
    bias: np.ndarray

    @classmethod
    def of(cls, node: Any) -> _Linear:
        layer = node.operation
        kernel = np.asarray(layer.kernel, "float64")
        units = node.outputs[0].shape[-1]
        bias = np.asarray(layer.bias, "float64") if layer.use_bias else np.zeros(units)
        return cls(layer, node.input_tensors[0].shape, kernel, bias)

    def then(self, scale: np.ndarray, shift: np.ndarray) -> bool:
        """Scales and shifts the outputs; whether that was possible."""
        if self.layer.activation is not keras.activations.linear:
            return False
        scale = np.broadcast_to(scale, self.bias.shape)
        if isinstance(self.layer, _DEPTHWISE):
            self.kernel = self.kernel * scale.reshape(self.kernel.shape[-2:])
        elif isinstance(self.layer, _TRANSPOSED):
            self.kernel = self.kernel * scale[:, None]
        else:
            self.kernel = self.kernel * scale
        self.bias = self.bias * scale + shift
        return True

    def after(self, scale: np.ndarray, shift: np.ndarray) -> bool:
        """Scales and shifts the inputs; whether that was possible."""
        if not isinstance(self.layer, (keras.layers.Dense, *_CONVOLUTIONS)):
            return False
        if isinstance(self.layer, _CONVOLUTIONS) and (
            # Padding with zeros comes after the shift, and a bias can't tell edges apart.
            self.layer.groups > 1 or (self.layer.padding != "valid" and np.any(shift))
        ):
            return False
        channels = (self.kernel.shape[-2], 1)
        shift = np.broadcast_to(np.reshape(shift, (-1, 1)), channels)
        self.bias = self.bias + (self.kernel * shift).sum(axis=tuple(range(self.kernel.ndim - 1)))
        self.kernel = self.kernel * np.broadcast_to(np.reshape(scale, (-1, 1)), channels)
        return True

    def copy(self) -> keras.layers.Layer:
        """The layer with the new weights, and surely a bias."""
        config = self.layer.get_config() | {"name": f"{self.layer.name}_folded", "use_bias": True}
        copy = type(self.layer).from_config(config)
        copy.build(self.input_shape)
        copy.set_weights([self.kernel.astype("float32"), self.bias.astype("float32")])
        return copy


class _Plan:
    """Which layers of a functional graph are dropped, and which take over their work."""

    def __init__(self, graph: Any):
        self.dropped: list[keras.layers.Layer] = []
        self.folded: list[str] = []
        self.changed: dict[int, _Linear] = {}
        depths = sorted(graph._nodes_by_depth, reverse=True)
        nodes = [node for depth in depths for node in graph._nodes_by_depth[depth]]
        nodes = [node for node in nodes if not node.is_input]
        calls = collections.Counter(id(node.operation) for node in nodes)
        self._once = {operation for operation, count in calls.items() if count == 1}
        self._maker = {id(tensor): node for node in nodes for tensor in node.outputs}
        # None stands for whoever reads the outputs of the graph.
        self._readers: dict[int, list[Any]] = {id(tensor): [None] for tensor in graph.outputs}
        self._same: dict[int, Any] = {}  # what is read in place of a dropped layer's output
        for node in nodes:
            for tensor in node.input_tensors:
                self._readers.setdefault(id(tensor), []).append(node)
        for node in nodes:
            if self._is_inactive(node):
                self._drop(node)
        for node in nodes:
            found = _affine(node)
            if found is not None and id(node.operation) in self._once and self._fold(node, *found):
                self._drop(node)
                self.folded.append(node.operation.name)

    def _fold(self, node: Any, scale: np.ndarray, shift: np.ndarray) -> bool:
        """Gives a scale and shift to the layer before or after; whether one could take it."""
        source = self._source(node)
        maker = self._maker.get(id(source))
        if maker and len(self._readers[id(source)]) == 1 and self._is_linear(maker):
            linear = self.changed.get(id(maker.operation)) or _Linear.of(maker)
            if linear.then(scale, shift):
                self.changed[id(linear.layer)] = linear
                return True
        reader, *more = self._readers.get(id(node.outputs[0])) or [None]
        if more or reader is None or not self._is_linear(reader):
            return False
        linear = self.changed.get(id(reader.operation)) or _Linear.of(reader)
        if not linear.after(scale, shift):
            return False
        self.changed[id(linear.layer)] = linear
        return True

    def _drop(self, node: Any) -> None:
        """Connects what the node reads with what reads it."""
        source, result = self._source(node), node.outputs[0]
        readers = self._readers[id(source)]
        readers.remove(node)
        readers += self._readers.get(id(result), [])
        self._same[id(result)] = source
        self.dropped.append(node.operation)

    def _source(self, node: Any) -> Any:
        tensor = node.input_tensors[0]
        while id(tensor) in self._same:
            tensor = self._same[id(tensor)]
        return tensor

    def _is_linear(self, node: Any) -> bool:
        layer = node.operation
        return (
            type(layer) in _LINEAR
            and id(layer) in self._once
            and getattr(layer, "data_format", "channels_last") == "channels_last"
            and not getattr(layer, "lora_enabled", False)
            and getattr(layer, "quantization_mode", None) is None
        )

    def _is_inactive(self, node: Any) -> bool:
        layer = node.operation
        linear = isinstance(layer, keras.layers.Activation) and (
            layer.activation is keras.activations.linear
        )
        return id(layer) in self._once and (linear or type(layer) in _INACTIVE)


def _affine(node: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """Scale and shift of each channel, if that is all a layer does in inference."""
    layer = node.operation
    if len(node.input_tensors) != 1 or not node.input_tensors[0].dtype.startswith("float"):
        return None
    channels = node.input_tensors[0].shape[-1]
    if type(layer) is keras.layers.BatchNormalization:
        if layer.axis not in (-1, len(node.input_tensors[0].shape) - 1):
            return None
        scale = 1 / np.sqrt(np.asarray(layer.moving_variance, "float64") + layer.epsilon)
        if layer.scale:
            scale *= np.asarray(layer.gamma, "float64")
        shift = -scale * np.asarray(layer.moving_mean, "float64")
        return scale, shift + np.asarray(layer.beta, "float64") if layer.center else shift
    if type(layer) is zoo.layers.MeanOnlyBatchNormalization:
        return np.ones(channels), -np.asarray(layer.moving_mean, "float64")
    if type(layer) is keras.layers.Rescaling:
        scale, shift = np.asarray(layer.scale, "float64"), np.asarray(layer.offset, "float64")
    elif type(layer) is keras.layers.Normalization and not layer.invert:
        spread = np.maximum(np.sqrt(np.asarray(layer.variance, "float64")), keras.config.epsilon())
        scale, shift = 1 / spread, -np.asarray(layer.mean, "float64") / spread
    else:
        return None
    if any(array.size not in (1, array.shape[-1] if array.ndim else 1) for array in (scale, shift)):
        return None  # differs from place to place
    return scale.reshape(-1), shift.reshape(-1)


def _graph(model: Any) -> Any:
    """The functional graph that a model runs, or None if its `call` does something else."""
    if isinstance(model, keras.Sequential):
        model = model._functional
    if isinstance(model, Functional) and type(model).call is Functional.call:
        return model
    return None


def _pass_on(inputs: Any, *args: Any, **kwargs: Any) -> Any:
    return inputs
