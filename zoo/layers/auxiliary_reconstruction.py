"""`AuxiliaryReconstruction`: the error of a second reconstruction joins the loss."""

from __future__ import annotations

from typing import Any

import keras

from zoo.layers.penalty import Penalty
from zoo.likelihood import check_likelihood, reconstruction_error


@keras.saving.register_keras_serializable(package="zoo")
class AuxiliaryReconstruction(Penalty):
    """Adds `weight` times the error of a reconstruction other than the model's own.

    It sits before the decoder and passes the code on, so the decoder stays clean.

    Args:
        likelihood: How the reconstruction is judged, see `zoo.create`.
        weight: Factor in the loss, a non-negative float or a schedule of the training step.
        missing_values: Whether NaN in the target means "not observed", which does not count.
        **kwargs: As for any layer.

    Call arguments:
        inputs: `[code, target, reconstruction]`, and as a fourth, if wanted, the relevance of
            each example, a factor of its error: `[batch]`.

    Returns:
        The code.

    Metrics: the mean error, under the layer's name.

    Raises:
        ValueError: If the likelihood is unknown.

    Reference:
        [Gao et al., Scaling and Evaluating Sparse Autoencoders,
        2024](https://arxiv.org/abs/2406.04093), appendix A.2;
        [Rajamanoharan et al., Improving Dictionary Learning with Gated Sparse Autoencoders,
        2024](https://arxiv.org/abs/2404.16014), section 3.2

    Example:
    >>> code = AuxiliaryReconstruction("gaussian")([code, inputs, decoder(gates)])
    """

    def __init__(
        self, likelihood: str, weight: Any = 1.0, missing_values: bool = False, **kwargs: Any
    ):
        super().__init__(weight, **kwargs)
        self.likelihood = check_likelihood(likelihood)
        self.missing_values = missing_values

    def penalty(self, inputs: Any, training: bool) -> Any:
        """The mean error, weighted by relevance."""
        _, target, reconstruction, *relevance = inputs
        errors = reconstruction_error(
            self.likelihood, target, reconstruction, missing_values=self.missing_values
        )
        return keras.ops.mean(errors * relevance[0] if relevance else errors)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        own = {"likelihood": self.likelihood, "missing_values": self.missing_values}
        return {**super().get_config(), **own}
