"""Encoders as versioned SavedModels.

`publish` writes the next version of an autoencoder into a model server's base folder,
`publish_encoder` does it for any Keras encoder.
"""

from export.errors import ExportError
from export.publish import publish, publish_encoder

__all__ = ["ExportError", "publish", "publish_encoder"]
