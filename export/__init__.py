"""Encoders as versioned SavedModels.

`publish` writes the next version of an autoencoder into a model server's base folder,
`publish_encoder` does it for any Keras encoder.
"""

import sys

if sys.argv[:1] == ["-m"]:  # python -m export: this file runs before its command line does
    import console

    console.start_tensorflow()

from export.errors import ExportError
from export.publish import publish, publish_encoder

__all__ = ["ExportError", "publish", "publish_encoder"]
