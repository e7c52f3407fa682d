"""`Parts`: the functional models that an autoencoder's graph is made of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras


class Parts:
    """Functional models between the tensors of an autoencoder, sharing its weights.

    No Keras object itself, for Keras would track the models as layers of the autoencoder and
    save the weights that they share with it twice.

    Args:
        inputs: The input tensor.
        outputs: The reconstruction.
        code: The clean code.
        decoder_input: The tensor that the decoder reads in training; `code` if `None`.
        target: The preprocessed input; `inputs` if `None`.
        training_weight: Weight of each component of the target in the training loss, or `None`.
        is_taught: Whether codes are taught to what the decoder reads.

    Attributes:
        encoder: From inputs to clean codes.
        decoder: From codes to reconstructions.
        preprocessor: From inputs to targets.
        graph: From inputs to all parts, to be saved.
        training: From inputs to the reconstruction and what else the loss wants of a step of
            training: `"weight"`, `"code"`; `None` if it wants nothing.
        noted: What it wanted of the step that is under way.
        resamplings: What gives dead units a new start; `None` until the first step.
    """

    def __init__(
        self,
        inputs: Any,
        outputs: Any,
        code: Any,
        decoder_input: Any,
        target: Any,
        training_weight: Any,
        is_taught: bool,
    ):
        decoder_input = code if decoder_input is None else decoder_input
        target = inputs if target is None else target
        parts = [outputs, code, decoder_input, target]
        wanted = {"weight": training_weight, "code": decoder_input if is_taught else None}
        wanted = {name: tensor for name, tensor in wanted.items() if tensor is not None}
        self.encoder = keras.Model(inputs, code, name="encoder")
        self.decoder = keras.Model(decoder_input, outputs, name="decoder")
        self.preprocessor = keras.Model(inputs, target, name="preprocessor")
        self.graph = keras.Model(
            inputs, parts if training_weight is None else [*parts, training_weight]
        )
        self.training = keras.Model(inputs, [outputs, wanted]) if wanted else None
        self.noted: dict[str, Any] = {}
        self.resamplings: list[Any] | None = None

    def check_reach(self, variables: Iterable[Any]) -> None:
        """Checks that an autoencoder of these variables has all weights of its encoder.

        Raises:
            ValueError: If one lies apart from the way that training takes.
        """
        own = {id(variable) for variable in variables}
        for variable in self.encoder.variables:
            if id(variable) not in own:
                raise ValueError(
                    "Every weight of the encoder must lie on the way from `inputs` to `outputs`, "
                    f"or training and saving would miss it. Received: {variable.path}"
                )
