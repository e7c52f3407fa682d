"""`text`: fully connected trunks on bags of words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from zoo.backbones.dense import Dense
from zoo.registry import backbone

# About the length of a text of 50 words, so that layers learn at their usual pace.
LENGTH = 5.0
WEIGHTINGS = {"count": "count", "tf-idf": "tf_idf", "binary": "multi_hot"}


@backbone("text")
class Text(Dense):
    """Fully connected trunks on word counts; the encoder reads their logarithms.

    With `zoo.create(..., input_shape=(), adapt=texts)` the model takes raw strings: the
    vocabulary is adapted to the texts, saved with the model and exported with it.

    Args:
        input_shape: (size of the vocabulary,).
        likelihood: `"multinomial"` unless told otherwise.
        hidden: As for the dense backbone.
        activation: As for the dense backbone.
        tied: As for the dense backbone.

    Reference:
        [Salakhutdinov & Hinton, Semantic Hashing, 2009](https://doi.org/10.1016/j.ijar.2008.11.006),
        for multinomial reconstructions

    Example:
    >>> ae = zoo.create("semantic-hash", (), 32, backbone="text", adapt=texts)
    >>> ae.compile(optimizer="adam")
    >>> ae.fit(texts)
    """

    default_likelihood = "multinomial"

    def __init__(
        self,
        input_shape: tuple[int, ...],
        likelihood: str,
        hidden: Sequence[int] = (512, 256),
        activation: str = "relu",
        tied: bool = False,
    ):
        super().__init__(input_shape, likelihood, hidden, activation, tied)
        if len(self.input_shape) != 1:
            raise ValueError(
                "The text backbone wants word counts of the shape (vocabulary,), or texts to "
                "adapt to; for other data use backbone='dense'. "
                f"Received: input_shape={self.input_shape}"
            )
        self.unit_length = keras.layers.UnitNormalization(name="encoder_unit_length")

    @classmethod
    def preprocessing(
        cls, data: Any, vocabulary_size: int = 10000, weighting: str = "count"
    ) -> keras.layers.Layer:
        """Words to their counts, lower-cased and without punctuation.

        Args:
            data: Texts `[n]`.
            vocabulary_size: Words that are told apart at most; all others count as one more.
            weighting: `"count"`, `"tf-idf"` (rare words weigh more) or `"binary"`.

        Returns:
            A `keras.layers.TextVectorization`, adapted.

        Raises:
            ValueError: If an option is wrong or the data are not texts.
        """
        if weighting not in WEIGHTINGS:
            raise ValueError(
                f"`weighting` must be one of {', '.join(WEIGHTINGS)}. "
                f"Received: weighting={weighting!r}"
            )
        if data.ndim != 1 or not all(isinstance(text, str | bytes) for text in data):
            raise ValueError(
                "The text backbone wants to adapt to a list of texts. "
                f"Received: shape={data.shape}, dtype={data.dtype}"
            )
        how = {
            "max_tokens": vocabulary_size + 1,
            "output_mode": WEIGHTINGS[weighting],
            "name": "bag_of_words",
        }
        learnt = keras.layers.TextVectorization(**how)
        learnt.adapt(np.asarray(data, object))
        # Words that differ in zeros at their end alone come out as one.
        words = list(dict.fromkeys(learnt.get_vocabulary(include_special_tokens=False)))
        if not words:
            raise ValueError(
                "The text backbone wants texts with words. Received: punctuation and blanks alone"
            )
        # A layer that is given what it knows keeps that in its configuration, and so does a clone.
        if weighting == "tf-idf":
            each_once = np.asarray(learnt(np.array([" ".join(words)], object)))[0]
            how["idf_weights"] = each_once[1 : len(words) + 1].tolist()
        return keras.layers.TextVectorization(vocabulary=words, **how)

    def read(self, x: Any) -> Any:
        """The logarithms of 1 + counts, brought to one length."""
        return LENGTH * self.unit_length(keras.ops.log1p(x))
