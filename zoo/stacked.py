"""`pretrain`: greedy layer-wise pre-training of any autoencoder with dense trunks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from zoo.autoencoder import Autoencoder
from zoo.backbones.backbone import apply
from zoo.checks import readable
from zoo.diverged import DivergedError
from zoo.layers.corruption import Corruption
from zoo.layers.tied_dense import nearest_dense
from zoo.likelihood import is_table, output_layer, reconstruction_error

# Rows that pass through a layer at once.
ROWS = 1000


def pretrain(
    model: Autoencoder,
    x: Any,
    epochs: int = 10,
    batch_size: int = 256,
    learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 1e-3,
    corruption: keras.layers.Layer | None = None,
    verbose: int = 0,
    first: int = 0,
    callbacks: Callable[[int, int], list[keras.callbacks.Callback]] = lambda pair, pairs: [],
    after: Callable[[float], None] = lambda error: None,
) -> list[float]:
    """Trains each layer of the encoder with its mirror in the decoder, from the input inwards.

    Each pair is a shallow autoencoder of what the layers before it say of `x`: the outermost is
    judged by the model's likelihood, the others by cross-entropy where they are sigmoid layers, as
    in the paper, and by squared error where they are not. The model is then trained as a whole
    with `fit`.

    Args:
        model: An autoencoder with the dense or the text backbone, or one like these.
        x: Raw training data `[n, ...]`. Texts and word counts are held as dense rows meanwhile.
        epochs: Passes over the data for each pair.
        batch_size: Rows of a step.
        learning_rate: Adam's learning rate, a number or a schedule of the steps of each pair.
        corruption: A layer that spoils what each pair reads, which makes it a stack of denoising
            autoencoders: `zoo.layers.MaskingCorruption(0.25)`. If omitted, that of the model, if
            it has one.
        verbose: As for `keras.Model.fit`.
        first: The pair to begin with, where those before it are trained already.
        callbacks: Called before each pair with its number, from 0, and the number of pairs; makes
            the callbacks of its training.
        after: Called after each pair with its last training error.

    Returns:
        The last training error of each pair that was trained, from the input inwards.

    Raises:
        ValueError: If the model's trunks are not dense ones that mirror each other.
        DivergedError: If the error of a pair became NaN or infinite; `after` is not called for it.

    Reference:
        [Bengio et al., Greedy Layer-Wise Training of Deep Networks,
        2007](https://papers.nips.cc/paper/2006/hash/5da713a690c067105aeb2fae32403405-Abstract.html);
        [Vincent et al., Stacked Denoising Autoencoders, 2010](https://jmlr.org/papers/v11/vincent10a.html)

    Example:
    >>> ae = zoo.create("undercomplete", (784,), 32, hidden=(1000, 500))
    >>> zoo.pretrain(ae, images, epochs=10)
    >>> ae.compile(optimizer="adam")
    >>> ae.fit(images, epochs=20)
    """
    pairs = _pairs(model)
    if corruption is None:
        corruption = next((layer for layer in model.layers if isinstance(layer, Corruption)), None)
    features = _outputs(model.preprocessor, readable(model, x))
    errors = []
    for level, (down, up) in enumerate(pairs):
        encoder = [down] if level else [_before(model, down), down]
        inputs = keras.Input(features.shape[1:], dtype="float32")
        if level >= first:
            watching = callbacks(level, len(pairs))
            spoilt = inputs if corruption is None else _copy(corruption)(inputs)
            likelihood = _likelihood(up) if level else model.likelihood
            # An inner layer's own activation makes its outputs.
            output = output_layer("gaussian" if level else likelihood, 1)
            outputs = apply([*encoder, up, output], spoilt)
            pair = keras.Model(inputs, outputs)
            pair.compile(
                optimizer=keras.optimizers.Adam(learning_rate),
                loss=_Error(likelihood),
            )
            history = pair.fit(
                features,
                features.reshape(len(features), -1),
                epochs=epochs,
                batch_size=batch_size,
                verbose=verbose,
                callbacks=[*watching, _StopDiverged()],
            ).history
            errors.append(float(history["loss"][-1]))
            # The last step may have spoilt the weights after its loss was measured.
            if not all(np.isfinite(value).all() for value in (errors[-1], *pair.get_weights())):
                raise DivergedError(
                    f"the loss of layer {level + 1} of {len(pairs)} became NaN in layer-wise "
                    "pre-training; lower the learning rate"
                )
            after(errors[-1])
        features = _outputs(lambda rows: apply(encoder, rows), features)  # noqa: B023
    return errors


def _outputs(layer: Any, x: np.ndarray) -> np.ndarray:
    # By hand, for `predict` compiles a function for each model, which takes longer than this.
    parts = [
        keras.ops.convert_to_numpy(layer(x[i : i + ROWS])).astype("float32", copy=False)
        for i in range(0, len(x), ROWS)
    ]
    return np.concatenate(parts)


class _StopDiverged(keras.callbacks.Callback):
    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if not np.isfinite((logs or {})["loss"]):
            self.model.stop_training = True


class _Error(keras.losses.Loss):
    def __init__(self, likelihood: str):
        super().__init__(name="reconstruction_error")
        self.likelihood = likelihood

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return reconstruction_error(self.likelihood, y_true, y_pred)


def _likelihood(layer: keras.layers.Layer) -> str:
    # Sigmoid units are read as probabilities.
    return "bernoulli" if layer.activation is keras.activations.sigmoid else "gaussian"


def _pairs(model: Autoencoder) -> list[tuple[Any, Any]]:
    names = {layer.name: layer for layer in model.layers}
    downs: list[Any] = []
    ups: list[Any] = []
    while f"encoder_dense_{len(downs)}" in names:
        downs.append(names[f"encoder_dense_{len(downs)}"])
    while f"decoder_dense_{len(ups)}" in names:
        ups.append(names[f"decoder_dense_{len(ups)}"])
    if (
        model.recipe.get("backbone", "dense") not in ("dense", "text")
        or "decoder_output" not in names
        or len(downs) != len(ups)
        or is_table(model.likelihood)
        or model.missing_values
    ):
        raise ValueError(
            "Layer-wise pre-training wants the dense or the text backbone and no missing values. "
            f"Received: {model.recipe or model.name}"
        )
    downs.append(nearest_dense(model.encoder.outputs[0]))
    return list(zip(downs, [*ups, names["decoder_output"]][::-1], strict=True))


def _before(model: Autoencoder, down: keras.layers.Layer) -> keras.Function:
    # What leads from the preprocessed input to the first layer: flattening, or what the text
    # backbone makes of counts.
    source = model.encoder.get_layer("encoder_input").output
    for node in down._inbound_nodes:
        try:
            return keras.Function(source, node.input_tensors[0])
        except ValueError:  # the path of corrupted inputs
            continue
    raise ValueError(f"The encoder does not begin with its first dense layer. Received: {down}")


def _copy(layer: keras.layers.Layer) -> keras.layers.Layer:
    # One for each pair: the step counter of a schedule starts anew.
    return type(layer).from_config({**layer.get_config(), "return_mask": False})
