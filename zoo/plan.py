"""`Plan`: what a variant builds its autoencoder from."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras

from zoo.autoencoder import Autoencoder
from zoo.backbones.backbone import Backbone
from zoo.code import CodeSpec
from zoo.layers import (
    Emphasis,
    GaussianCorruption,
    MaskingCorruption,
    SaltAndPepperCorruption,
)

CORRUPTIONS = {
    "gaussian": GaussianCorruption,
    "masking": MaskingCorruption,
    "salt-and-pepper": SaltAndPepperCorruption,
}
DEFAULT_LEVEL = 0.3


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a variant builds from.

    Args:
        inputs: The model's input, as raw as users send it.
        target: The preprocessed input `[batch, *shape]`, which the decoder reproduces.
        encoder_input: The same, for the encoder to read: this is what a corruption spoils.
        backbone: The trunks.
        code: Kind and size of the code.
        likelihood: How reconstructions are judged.
        missing_values: Whether NaN in the target means "not observed".
        corruption: What spoils the encoder's input in training: a layer, a name of
            `CORRUPTIONS` or `None`.
        corruption_level: Level of a corruption given by name, a number or a schedule.
        emphasis: Weights of corrupted and of other components in the training loss.
    """

    inputs: Any
    target: Any
    encoder_input: Any
    backbone: Backbone
    code: CodeSpec
    likelihood: str
    missing_values: bool = False
    corruption: str | keras.layers.Layer | None = None
    corruption_level: float | keras.optimizers.schedules.LearningRateSchedule | None = None
    emphasis: Sequence[float] | None = None

    @property
    def code_dim(self) -> int:
        """Number of units of the code."""
        return self.code.size

    def autoencoder(
        self,
        code: Any,
        decoder_input: Any = None,
        training_weight: Any = None,
        code_weight: float | None = None,
        selection: keras.layers.Layer | None = None,
    ) -> Autoencoder:
        """Completes the model, and corrupts what the encoder reads in training if asked to.

        A variant builds its graph on the clean `encoder_input`. With a corruption the layers
        from there to `decoder_input` are called a second time, on the corrupted target, and
        that path is the one that training takes; the path to `code` stays clean.

        Args:
            code: The clean code `[batch, code_dim]`.
            decoder_input: What the decoder reads in training; the clean code by default.
            training_weight: Weight of each component of the target in the training loss, a
                tensor of the target's shape; 1 by default.
            code_weight: See `Autoencoder`.
            selection: A layer that the decoder begins with, for one that reads a part of the code.

        Returns:
            The model.

        Raises:
            ValueError: If the corruption or its options are wrong.
        """
        decoder_input = code if decoder_input is None else decoder_input
        corruption = self._make_corruption()
        if corruption is not None:
            corrupted = corruption(self.target)
            if self.emphasis is not None:
                if training_weight is not None:
                    raise ValueError(
                        "This variant weights the components of its loss itself: leave out "
                        f"`emphasis`. Received: emphasis={self.emphasis}"
                    )
                if len(self.emphasis) != 2:
                    raise ValueError(
                        "`emphasis` must be two weights, of corrupted and of other components. "
                        f"Received: emphasis={self.emphasis}"
                    )
                corrupted, chosen = corrupted
                training_weight = Emphasis(*self.emphasis, name="emphasis")(chosen)
            decoder_input = self._on_corrupted(corrupted, decoder_input)
        return Autoencoder(
            self.inputs,
            self.backbone.decode(selection(decoder_input) if selection else decoder_input),
            code=code,
            decoder_input=decoder_input,
            target=self.target,
            training_weight=training_weight,
            code_spec=self.code,
            likelihood=self.likelihood,
            missing_values=self.missing_values,
            code_weight=code_weight,
        )

    def _on_corrupted(self, corrupted: Any, decoder_input: Any) -> Any:
        # Through `call`, for that applies the same layers one by one: calling a model nests it.
        reading = self.encoder_input._keras_history.operation
        if reading not in keras.Model(self.inputs, decoder_input).layers:
            raise ValueError(
                "This variant cannot be corrupted: its encoder does not read "
                f"`plan.encoder_input`. Received: corruption={self.corruption!r}"
            )
        graph = keras.Model([self.encoder_input, self.target], decoder_input)
        return graph.call([corrupted, self.target])

    def _make_corruption(self) -> keras.layers.Layer | None:
        corruption, level = self.corruption, self.corruption_level
        if corruption is None:
            if level is not None or self.emphasis is not None:
                raise ValueError(
                    "`corruption_level` and `emphasis` need a corruption. Received: "
                    f"corruption=None, corruption_level={level}, emphasis={self.emphasis}"
                )
            return None
        if isinstance(corruption, str):
            if corruption not in CORRUPTIONS:
                raise ValueError(
                    f"`corruption` must be a layer or one of {', '.join(CORRUPTIONS)}. "
                    f"Received: corruption={corruption!r}"
                )
            corruption = CORRUPTIONS[corruption](
                DEFAULT_LEVEL if level is None else level,
                return_mask=self.emphasis is not None,
                name="corruption",
            )
        elif level is not None:
            raise ValueError(
                "`corruption_level` is for a corruption given by name; a layer has its own. "
                f"Received: corruption={corruption}, corruption_level={level}"
            )
        if getattr(corruption, "return_mask", False) != (self.emphasis is not None):
            raise ValueError(
                "A corrupting layer must be made with return_mask=True for an emphasis, and "
                f"without otherwise. Received: corruption={corruption}, emphasis={self.emphasis}"
            )
        return corruption
