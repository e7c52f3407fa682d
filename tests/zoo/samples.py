"""For each backbone data that it can learn something of, and options that keep its models small."""

import dataclasses
import functools
from typing import Any

import numpy as np
import tensorflow as tf

WORDS = (["cat", "dog", "mouse", "horse"], ["bread", "cheese", "wine", "soup"])


@dataclasses.dataclass(frozen=True)
class Sample:
    """Training data, and the arguments of `zoo.create` that go with it."""

    x: Any
    options: dict[str, Any]

    @property
    def is_text(self):
        return self.x.dtype == tf.string


def names():
    return list(SAMPLES)


@functools.cache
def sample(name):
    return SAMPLES[name]()


def _images(**options):
    """Images of a bright square at a random place."""
    rng = np.random.default_rng(0)
    images = np.zeros((192, 6, 6, 1), "float32")
    for image, (i, j) in zip(images, rng.integers(0, 4, (192, 2)), strict=True):
        image[i : i + 3, j : j + 3] = 1
    return Sample(images, {"input_shape": (6, 6, 1), **options})


def _texts():
    """Texts on animals or on food."""
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS[i % 2], rng.integers(3, 9))) for i in range(192)]
    options = {"input_shape": (), "backbone": "text", "adapt": texts, "hidden": (16,)}
    return Sample(tf.constant(texts), options)


def _counts():
    texts = sample("texts")
    words = [word for topic in WORDS for word in topic]
    counts = [[text.split().count(word) for word in words] for text in texts.options["adapt"]]
    options = {"input_shape": (8,), "backbone": "text", "hidden": (16,)}
    return Sample(np.array(counts, "float32"), options)


def _numbers():
    """A number, a category and a number that depends on it, with holes."""
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 3, 192)
    table = np.stack([10.0 * kind + rng.normal(size=192), kind, 3 - kind], axis=1)
    table[3, 0] = table[4, 1] = np.nan
    table = table.astype("float32")
    options = {"backbone": "tabular", "adapt": table, "categorical": [1], "hidden": (16,)}
    return Sample(table, {"input_shape": (3,), **options})


def _table():
    """The same as strings."""
    numbers = sample("numbers")
    table = np.array(
        [["" if np.isnan(value) else f"{value:.3f}" for value in row] for row in numbers.x]
    )
    return Sample(tf.constant(table), {**numbers.options, "adapt": table})


def _series(**options):
    """Sine waves of 5 to 10 steps, padded with NaN."""
    rng = np.random.default_rng(0)
    steps = np.arange(10)
    waves = np.sin(steps / 2 + rng.uniform(0, 6, (192, 1)))[..., None].astype("float32")
    waves[steps[None, :] >= rng.integers(5, 11, (192, 1))] = np.nan
    options = {"backbone": "sequence", "units": (8,), **options}
    return Sample(waves, {"input_shape": (10, 1), **options})


SAMPLES = {
    "conv": lambda: _images(backbone="conv", filters=(4, 8)),
    "dense": lambda: _images(backbone="dense", hidden=(16,)),
    "gradients": lambda: _images(backbone="gradients", hidden=(16,)),
    "resnet": lambda: _images(backbone="resnet"),
    "vit": lambda: _images(backbone="vit"),
    "texts": _texts,
    "counts": _counts,
    "table": _table,
    "numbers": _numbers,
    "recurrent": _series,
    "convolved": lambda: _series(cell="conv"),
}
