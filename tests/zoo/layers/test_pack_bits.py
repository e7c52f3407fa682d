import hypothesis
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np

from tests.zoo.testing import run_layer_test
from zoo.layers import PackBits


def test_layer():
    run_layer_test(PackBits(), np.random.randint(0, 2, (6, 13)).astype("float32"), (2,))


@hypothesis.given(
    hnp.arrays(
        "uint8", st.tuples(st.integers(1, 4), st.integers(1, 70)), elements=st.integers(0, 1)
    )
)
@hypothesis.settings(deadline=None, max_examples=50)
def test_equals_numpy_packbits(bits):
    packed = np.asarray(PackBits()(bits))
    assert packed.dtype == np.uint8
    np.testing.assert_array_equal(packed, np.packbits(bits, axis=-1))


def test_one_code_alone():
    bits = np.random.default_rng(0).integers(0, 2, 13)
    np.testing.assert_array_equal(PackBits()(bits), np.packbits(bits))
