"""Regulariser, corruption and code layers, each usable in any Keras model."""

from zoo.layers.binarize import Binarize
from zoo.layers.corruption import Corruption
from zoo.layers.emphasis import Emphasis
from zoo.layers.gaussian_corruption import GaussianCorruption
from zoo.layers.masking_corruption import MaskingCorruption
from zoo.layers.mean_only_batch_normalization import MeanOnlyBatchNormalization
from zoo.layers.pack_bits import PackBits
from zoo.layers.salt_and_pepper_corruption import SaltAndPepperCorruption
from zoo.layers.saturating_noise import SaturatingNoise

__all__ = [
    "Binarize",
    "Corruption",
    "Emphasis",
    "GaussianCorruption",
    "MaskingCorruption",
    "MeanOnlyBatchNormalization",
    "PackBits",
    "SaltAndPepperCorruption",
    "SaturatingNoise",
]
