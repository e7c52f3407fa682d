"""One pair of trunks per kind of data; every module here registers its own."""

from zoo.backbones.backbone import Backbone, apply

__all__ = ["Backbone", "apply"]
