"""The error that means: the model is not fit to be published."""


class ExportError(RuntimeError):
    """A version failed its checks or could not be written; nothing became visible."""
