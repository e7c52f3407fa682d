"""Regulariser, corruption and code layers, each usable in any Keras model."""

from zoo.layers.binarize import Binarize
from zoo.layers.mean_only_batch_normalization import MeanOnlyBatchNormalization
from zoo.layers.pack_bits import PackBits
from zoo.layers.saturating_noise import SaturatingNoise

__all__ = ["Binarize", "MeanOnlyBatchNormalization", "PackBits", "SaturatingNoise"]
