"""How the units of a code are used."""

from __future__ import annotations

import numpy as np


def code_statistics(codes: np.ndarray) -> dict[str, float]:
    """Statistics of real codes.

    Args:
        codes: `[n, size]`.

    Returns:
        `active_units`, units that vary at all; `sparsity`, the share of exact zeros.
    """
    return {
        "active_units": int((codes.std(0) > 1e-3).sum()),
        "sparsity": float((codes == 0).mean()),
    }


def bit_statistics(activations: np.ndarray, bits: np.ndarray) -> dict[str, float]:
    """Statistics of binary codes.

    Args:
        activations: `[n, size]` in [0, 1].
        bits: `[n, size]`, the activations against their thresholds.

    Returns:
        `saturated_fraction`, the share of activations within 0.05 of 0 or 1; `bit_entropy`, the
        mean entropy of a bit (1 is best); `bit_correlation`, the mean absolute correlation of
        two different bits (0 is best); `distinct_codes`, the share of rows with a code of
        their own or first with it.
    """
    on = bits.mean(0).clip(1e-12, 1 - 1e-12)
    entropy = -(on * np.log2(on) + (1 - on) * np.log2(1 - on))
    varying = bits[:, bits.std(0) > 0]
    correlation = np.zeros((1, 1))
    if varying.shape[1] > 1:
        correlation = np.corrcoef(varying.T)
    others = ~np.eye(len(correlation), dtype=bool)
    return {
        "saturated_fraction": float(((activations < 0.05) | (activations > 0.95)).mean()),
        "bit_entropy": float(entropy.mean()),
        "bit_correlation": float(np.abs(correlation[others]).mean()) if others.any() else 0.0,
        "distinct_codes": len(np.unique(np.packbits(bits, axis=1), axis=0)) / len(bits),
    }
