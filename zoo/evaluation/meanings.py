"""What the numbers of an evaluation mean, and their units."""

from __future__ import annotations

MEANINGS = {
    "test_rows": "rows that took no part in training",
    "reconstruction_error": "mean of the test rows, in {unit}",
    "reconstruction_error_median": "their median, in {unit}",
    "reconstruction_error_worst": "the largest, in {unit}",
    "binarized_error": "mean error when the decoder reads bits, in {unit}",
    "saturated_fraction": "share of activations within .05 of 0 or 1",
    "bit_entropy": "of one bit in the mean, in bits: 1 where it is set half of the time",
    "bit_correlation": "mean size of the correlation of two bits",
    "distinct_codes": "different codes per test row",
    "active_units": "units that vary",
    "sparsity": "share of exact zeros",
    "jacobian_norm": "mean Frobenius norm of the encoder's derivative by its input",
    "code_bytes": "of one stored code",
    "input_bytes": "of one stored input",
    "times_smaller": "input bytes by code bytes",
    "outliers": "what was to be told from the test rows",
    "anomaly_roc_auc": "of the reconstruction error as a score, .5 is chance",
    "anomaly_average_precision": "of the reconstruction error as a score",
    "anomaly_pca_roc_auc": "of PCA's squared residual as a score",
    "anomaly_pca_average_precision": "of PCA's squared residual as a score",
}


def meaning(metric: str, unit: str) -> str:
    """A few words on a metric, empty for one that names its unit itself.

    Args:
        metric: Its name.
        unit: Of reconstruction errors.
    """
    return MEANINGS.get(metric, "").format(unit=unit)
