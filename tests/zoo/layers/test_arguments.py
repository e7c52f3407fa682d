import pytest

from zoo.layers import (
    BatchTopK,
    BernoulliKL,
    DeadUnits,
    DropPatches,
    Emphasis,
    KLSparsity,
    L1Penalty,
    LifetimeSparsity,
    MaskingCorruption,
    MeanOnlyBatchNormalization,
    SaturatingNoise,
    TopK,
    VectorQuantizer,
)


@pytest.mark.parametrize(
    ("make", "received"),
    [
        (lambda: MaskingCorruption("a"), "level='a'"),
        (lambda: MaskingCorruption(2.0), "level=2.0"),
        (lambda: SaturatingNoise("a"), "stddev='a'"),
        (lambda: SaturatingNoise(float("nan")), "stddev=nan"),
        (lambda: DropPatches("a"), "rate='a'"),
        (lambda: Emphasis(None), "corrupted=None"),
        (lambda: L1Penalty(float("inf")), "weight=inf"),
        (lambda: DeadUnits(5, 5, -3), "resample_until=-3"),
        (lambda: DeadUnits(True), "patience=True"),
        (lambda: LifetimeSparsity([0.1]), r"rate=\[0.1\]"),
        (lambda: BatchTopK(1, "a"), "momentum='a'"),
        (lambda: TopK("a"), "k='a'"),
        (lambda: KLSparsity("a", 1.0), "target='a'"),
        (lambda: BernoulliKL(1.0, "a"), "prior='a'"),
        (lambda: VectorQuantizer(8, momentum="a"), "momentum='a'"),
        (lambda: MeanOnlyBatchNormalization(None), "momentum=None"),
    ],
)
def test_wrong_numbers_get_one_sentence(make, received):
    with pytest.raises(ValueError, match=rf"Received: .*{received}"):
        make()
