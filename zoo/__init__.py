"""Autoencoders for Keras whose codes are the product."""

import sys

if sys.argv[:1] == ["-m"]:  # python -m zoo: this file runs before its command line does
    import console

    console.start_tensorflow()

from zoo import layers
from zoo.autoencoder import Autoencoder
from zoo.code import CodeSpec
from zoo.create import create
from zoo.impute import impute
from zoo.load import load
from zoo.registry import list_backbones, list_variants
from zoo.stacked import pretrain

__all__ = [
    "Autoencoder",
    "CodeSpec",
    "create",
    "impute",
    "layers",
    "list_backbones",
    "list_variants",
    "load",
    "pretrain",
]
