"""`Autoencoder`: a functional Keras model that knows its encoder, decoder and code."""

from __future__ import annotations

import types
from typing import Any

import keras

from zoo.checks import check_training_data, readable
from zoo.code import CodeSpec
from zoo.layers import Binarize, DeadUnits
from zoo.likelihood import check_likelihood, reconstruction_error
from zoo.parts import Parts
from zoo.resampling import Resampling
from zoo.targets import (
    check_codes,
    explicit_target,
    split_targets,
    split_weights,
    with_explicit_target,
)


@keras.saving.register_keras_serializable(package="zoo")
class Autoencoder(keras.Model):
    """A functional model from inputs to reconstructions, together with its parts.

    The parts are tensors of one functional graph. What serves training only, noise, corruption
    or penalties, lies between `code` and `decoder_input` or on a path of its own, so that the
    encoder is clean.

    The target is the preprocessed input: `fit(x)` and `fit(x, x)` mean the same, and a loss
    given to `compile` replaces the likelihood's, weights included. With a `code_weight`,
    `fit(x, {"code": bits})` also teaches the encoder bits `[n, code_dim]` that were found
    otherwise, by `zoo.neighbours.neighbour_codes` say. Everything else is as in any Keras model.

    Metrics: `loss`, the error with all penalties; `reconstruction_error`; where codes are
    taught, `code_error`, the cross-entropy in nats a bit; for binary codes, in evaluation, also
    `binarized_error`, the error when the decoder reads bits in place of activations.

    Args:
        inputs: The input tensor, raw data.
        outputs: The reconstruction, as far as `decoder_input` leads to it.
        code: The clean code `[batch, code_spec.size]`.
        decoder_input: The tensor that the decoder reads in training; `code` if omitted.
        target: The preprocessed input; `inputs` if omitted.
        training_weight: Weight of each component of the target in the training loss, a tensor
            of the target's shape; 1 if omitted. It may depend on what the layers drew at random
            in the same step.
        code_spec: Kind and size of the code.
        likelihood: See `zoo.create`.
        missing_values: Whether NaN in the target means "not observed": such components do not
            count. Otherwise NaN is refused.
        code_weight: Factor, in the loss, of the cross-entropy between the activations that the
            decoder reads and codes that were given to `fit`, for binary codes; `None` if `fit`
            is to refuse them.
        recipe: What `zoo.create` was called with, for people and model cards.
        name: The model's name.

    Raises:
        ValueError: If the likelihood is unknown or the encoder has a weight that training
            does not reach.

    Attributes:
        encoder: Functional model from inputs to clean codes, sharing weights.
        decoder: Functional model from codes to reconstructions, sharing weights.
        preprocessor: Functional model from inputs to targets.
        code: The `CodeSpec`.
        binarize: For binary codes the `Binarize` layer with the thresholds, else `None`.

    Example:
    >>> inputs = keras.Input((784,), name="inputs")
    >>> code = keras.layers.Dense(32)(inputs)
    >>> outputs = keras.layers.Dense(784, "sigmoid")(code)
    >>> ae = Autoencoder(inputs, outputs, code=code, code_spec=CodeSpec("real", 32))
    >>> ae.compile(optimizer="adam")
    >>> ae.fit(images, epochs=20)
    """

    def __init__(
        self,
        inputs: Any,
        outputs: Any,
        *,
        code: Any,
        code_spec: CodeSpec,
        decoder_input: Any = None,
        target: Any = None,
        training_weight: Any = None,
        likelihood: str = "bernoulli",
        missing_values: bool = False,
        code_weight: float | None = None,
        recipe: dict[str, Any] | None = None,
        name: str | None = None,
    ):
        super().__init__(inputs=inputs, outputs=outputs, name=name)
        self.likelihood = check_likelihood(likelihood)
        self.missing_values = missing_values
        self.code = code_spec
        self.code_weight = code_weight
        self._recipe = types.MappingProxyType(recipe or {})
        self.reconstruction_error_tracker = keras.metrics.Mean(name="reconstruction_error")
        self.binarize = None
        if code_spec.kind == "binary":
            self.binarize = Binarize(name="binarize")
            self.binarize.build((None, code_spec.size))
            self.binarized_error_tracker = keras.metrics.Mean(name="binarized_error")
        if code_weight is not None:
            self.code_error_tracker = keras.metrics.Mean(name="code_error")
        is_taught = code_weight is not None
        self._parts = Parts(
            inputs, outputs, code, decoder_input, target, training_weight, is_taught
        )
        self._parts.check_reach(self.variables)

    @property
    def encoder(self) -> keras.Model:
        """From raw inputs to clean codes `[batch, code_dim]`."""
        return self._parts.encoder

    @property
    def decoder(self) -> keras.Model:
        """From codes `[batch, code_dim]` to reconstructions."""
        return self._parts.decoder

    @property
    def preprocessor(self) -> keras.Model:
        """From raw inputs to what is reconstructed."""
        return self._parts.preprocessor

    @property
    def recipe(self) -> dict[str, Any]:
        """The options that `zoo.create` made this model from."""
        return dict(self._recipe)

    @recipe.setter
    def recipe(self, recipe: dict[str, Any]) -> None:
        self._recipe = types.MappingProxyType(recipe)

    def reconstruction_error(self, inputs: Any, reconstruction: Any) -> Any:
        """The reconstruction error of each example.

        Args:
            inputs: Raw inputs `[batch, ...]`.
            reconstruction: Their reconstructions.

        Returns:
            float32 tensor `[batch]`, averaged over the components of an example: cross-entropy
            in nats or squared error.
        """
        return self._error(self.preprocessor(inputs), reconstruction)

    def _error(self, target: Any, reconstruction: Any, weight: Any = None) -> Any:
        return reconstruction_error(
            self.likelihood, target, reconstruction, weight, self.missing_values
        )

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """The reconstruction; in training it also notes what else the loss wants."""
        if not training or self._parts.training is None:
            return super().call(inputs, training=training, mask=mask)
        outputs, self._parts.noted = self._parts.training.call(inputs, training=training, mask=mask)
        return outputs

    def fit(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Trains the model; arguments as for `keras.Model.fit`, where `y` may be left out.

        `y` is the target, or a dictionary of the target as `"reconstruction"`, which may be left
        out, and bits `[n, code_dim]` as `"code"`. Weights are one number an example, for both.

        Raises:
            ValueError: If `x` is an array that is empty, of the wrong type or shape, not finite,
                or outside of what the likelihood allows, or `y` has other keys or wrong codes.
        """
        check_training_data(self, x, "x")
        held_out = kwargs.get("validation_data")
        first = held_out[0] if isinstance(held_out, tuple | list) else held_out
        check_training_data(self, first, "validation_data")
        if held_out is not None:
            held_out = readable(self, held_out, "validation_data")
            if isinstance(held_out, tuple | list):
                parts = (readable(self, part, "validation_data") for part in held_out)
                held_out = type(held_out)(parts)
            kwargs["validation_data"] = with_explicit_target(held_out)
        check_codes(self, split_targets(x, y)[1])
        x, y = readable(self, x), readable(self, y, "y")
        return super().fit(x, explicit_target(x, y, kwargs.get("sample_weight")), *args, **kwargs)

    def evaluate(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Measures loss and metrics; arguments as for `keras.Model.evaluate`, `y` optional."""
        x, y = readable(self, x), readable(self, y, "y")
        y = explicit_target(x, y, kwargs.get("sample_weight"))
        return super().evaluate(x, y, *args, **kwargs)

    def predict(self, x: Any, **kwargs: Any) -> Any:
        """Reconstructs; arguments as for `keras.Model.predict`."""
        return super().predict(readable(self, x), **kwargs)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The reconstruction error, or the compiled loss, and the penalties of the layers."""
        y, codes = split_targets(x, y)
        sample_weight, code_weight = split_weights(sample_weight)
        if self._compile_loss is not None:
            if self.missing_values:
                raise ValueError(
                    "A model of missing values judges its reconstructions by its likelihood: "
                    "leave out `loss` in compile. Received: a compiled loss"
                )
            loss = super().compute_loss(
                x, self.preprocessor(y), y_pred, sample_weight, training=training
            )
        else:
            weight = self._parts.noted.get("weight") if training else None
            errors = self._error(self.preprocessor(y), y_pred, weight)
            if sample_weight is not None:
                errors *= keras.ops.cast(sample_weight, errors.dtype)
            penalties = [keras.ops.cast(penalty, "float32") for penalty in self.losses]
            loss = keras.ops.mean(errors) + sum(penalties)
        return loss if codes is None else loss + self._code_error(x, codes, code_weight, training)

    def _code_error(self, x: Any, codes: Any, sample_weight: Any, training: bool) -> Any:
        check_codes(self, codes)
        activations = self._parts.noted["code"] if training else self.encoder(x)
        errors = keras.losses.binary_crossentropy(keras.ops.cast(codes, "float32"), activations)
        self.code_error_tracker.update_state(errors, sample_weight)
        if sample_weight is not None:
            errors *= keras.ops.cast(sample_weight, errors.dtype)
        return self.code_weight * keras.ops.mean(errors)

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """Updates the reconstruction error and the compiled metrics."""
        y, _ = split_targets(x, y)
        sample_weight, _ = split_weights(sample_weight)
        self.reconstruction_error_tracker.update_state(
            self.reconstruction_error(y, y_pred), sample_weight
        )
        return super().compute_metrics(x, self.preprocessor(y), y_pred, sample_weight)

    def train_step(self, data: Any) -> dict[str, Any]:
        """One optimizer step, and what is due of resampling; metrics of evaluation are left out."""
        logs = _without_codes(super().train_step(data), data)
        logs.pop("binarized_error", None)
        x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        for resampling in self._resamplings():
            resampling.step(x)
        return logs

    def _resamplings(self) -> list[Resampling]:
        if self._parts.resamplings is None:
            self._parts.resamplings = [
                Resampling(self, layer)
                for layer in self.layers
                if isinstance(layer, DeadUnits) and layer.resample_every
            ]
        return self._parts.resamplings

    def test_step(self, data: Any) -> dict[str, Any]:
        """One evaluation step; for binary codes it also measures the way through the bits."""
        logs = super().test_step(data)
        if self.binarize is None:
            return _without_codes(logs, data)
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        reconstruction = self.decoder(self.binarize(self.encoder(x)))
        self.binarized_error_tracker.update_state(
            self.reconstruction_error(split_targets(x, y)[0], reconstruction),
            split_weights(sample_weight)[0],
        )
        return _without_codes(self.get_metrics_result(), data)

    def save_own_variables(self, store: Any) -> None:
        """Saves the states of the random generators too, which Keras leaves out.

        So training goes on after loading exactly as it would have without.
        """
        super().save_own_variables(store)
        for i, state in enumerate(self._random_states()):
            store[f"random_state_{i}"] = state

    def load_own_variables(self, store: Any) -> None:
        """Restores what `save_own_variables` wrote."""
        # The store is not a mapping: it has keys() but cannot be iterated.
        names = [name for name in store.keys() if not name.startswith("random_state_")]  # noqa: SIM118
        super().load_own_variables({name: store[name] for name in names})
        for i, state in enumerate(self._random_states()):
            state.assign(store[f"random_state_{i}"])

    def _random_states(self) -> list[Any]:
        weights = {id(weight) for weight in self.weights}
        return [variable for variable in self.variables if id(variable) not in weights]

    def get_config(self) -> dict[str, Any]:
        """The functional graph with all parts as outputs, and what they mean."""
        return {
            "name": self.name,
            "graph": self._parts.graph.get_config(),
            "code_kind": self.code.kind,
            "code_size": self.code.size,
            "likelihood": self.likelihood,
            "missing_values": self.missing_values,
            "code_weight": self.code_weight,
            "recipe": self.recipe,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Autoencoder:
        """Rebuilds the model from its graph."""
        graph = keras.Model.from_config(config["graph"], custom_objects=custom_objects)
        outputs, code, decoder_input, target, *weight = graph.outputs
        return cls(
            graph.input,
            outputs,
            code=code,
            decoder_input=decoder_input,
            target=target,
            training_weight=weight[0] if weight else None,
            code_spec=CodeSpec(config["code_kind"], config["code_size"]),
            likelihood=config["likelihood"],
            missing_values=config["missing_values"],
            code_weight=config.get("code_weight"),
            recipe=config["recipe"],
            name=config["name"],
        )


def _without_codes(logs: dict[str, Any], data: Any) -> dict[str, Any]:
    """Leaves out the error of codes, which was never measured, where there are none."""
    x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
    if split_targets(x, y)[1] is None:
        logs.pop("code_error", None)
    return logs
