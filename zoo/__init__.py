"""Autoencoders for Keras whose codes are the product."""

import sys

if sys.argv[:1] == ["-m"]:  # python -m zoo: this file runs before its command line does
    import console

    console.start_tensorflow()

from zoo import layers
from zoo.autoencoder import Autoencoder
from zoo.code import CodeSpec
from zoo.load import load
from zoo.registry import create, list_backbones, list_variants

__all__ = [
    "Autoencoder",
    "CodeSpec",
    "create",
    "layers",
    "list_backbones",
    "list_variants",
    "load",
]
