import numpy as np
import pytest

from zoo.evaluation.code_statistics import bit_statistics, code_statistics


def test_perfect_bits():
    bits = np.array([[i >> j & 1 for j in range(4)] for i in range(16)], "uint8")
    statistics = bit_statistics(bits.astype("float32"), bits)
    assert statistics == pytest.approx(
        {"saturated_fraction": 1, "bit_entropy": 1, "bit_correlation": 0, "distinct_codes": 1},
        abs=1e-6,
    )


def test_useless_bits():
    bits = np.zeros((10, 3), "uint8")
    statistics = bit_statistics(np.full((10, 3), 0.4), bits)
    assert statistics["saturated_fraction"] == 0
    assert statistics["bit_entropy"] == pytest.approx(0, abs=1e-6)
    assert statistics["distinct_codes"] == 0.1


def test_copied_bits_are_correlated():
    column = np.random.default_rng(0).integers(0, 2, (100, 1), "uint8")
    bits = np.hstack([column, 1 - column])
    assert bit_statistics(bits, bits)["bit_correlation"] == pytest.approx(1)


def test_real_codes():
    codes = np.array([[0, 1.0, 5], [0, 2.0, 5]])
    assert code_statistics(codes) == {"active_units": 1, "sparsity": pytest.approx(1 / 3)}
