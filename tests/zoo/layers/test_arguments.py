import keras
import numpy as np
import pytest

from zoo.layers import (
    BatchTopK,
    BernoulliKL,
    Binarize,
    DeadUnits,
    DropPatches,
    Emphasis,
    GaussianSampling,
    KLSparsity,
    L1Penalty,
    LifetimeSparsity,
    MaskingCorruption,
    MaskMissing,
    MeanOnlyBatchNormalization,
    OrientedGradients,
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


@pytest.mark.parametrize("layer", [GaussianSampling(), MaskMissing()], ids=lambda x: x.name)
def test_the_rows_of_one_tensor_are_no_pair(layer):
    with pytest.raises(ValueError, match=r"must be two tensors, \[.*\]. Received: one of them"):
        layer(np.zeros((2, 3), "float32"))


def test_gradients_want_images_of_one_size():
    with pytest.raises(ValueError, match=r"of one size. Received: .*\(None, None, None, 1\)"):
        OrientedGradients()(keras.Input((None, None, 1)))


def test_thresholds_are_not_adapted_to_nan():
    with pytest.raises(ValueError, match="must be finite"):
        Binarize().adapt(np.array([[0.5], [np.nan]]))
