import keras
import numpy as np
import pytest

import zoo
from zoo.datasets import load

EPOCHS, BATCH = 25, 64


@pytest.fixture(scope="module")
def x():
    return load("digits").x_train / np.float32(255)


@pytest.fixture(scope="module")
def default(x):
    return train(x)


def train(x, **options):
    keras.utils.set_random_seed(0)
    options = {"hidden": (64,), "training_steps": EPOCHS * (len(x) // BATCH)} | options
    ae = zoo.create("semantic-hash", input_shape=(8, 8, 1), code_dim=16, **options)
    optimizer = keras.optimizers.Adam(0.005)
    ae.compile(optimizer=optimizer, steps_per_execution=23, jit_compile=False)
    ae.fit(x, epochs=EPOCHS, batch_size=BATCH, verbose=0)
    return ae, ae.evaluate(x, batch_size=512, verbose=0, return_dict=True)


def bit_means(ae, x):
    return np.asarray(ae.binarize(ae.encoder(x))).mean(0)


def test_growing_noise_makes_codes_binary(x, default):
    """Theory of the paper: the code survives noise only near 0 and 1, so bits lose little."""
    _, without = train(x, noise=0.0)
    ae, grown = default
    assert without["saturated_fraction"] < 0.4
    assert grown["saturated_fraction"] > 0.75
    lost, lost_without = (
        m["binarized_error"] - m["reconstruction_error"] for m in (grown, without)
    )
    assert lost < 0.2 * lost_without
    assert np.abs(bit_means(ae, x) - 0.5).mean() < 0.1


def test_balance_is_what_balances_the_bits(x, default):
    unbalanced, _ = train(x, balance=False)
    models = (unbalanced, default[0])
    spread, expected = (np.abs(bit_means(ae, x) - 0.5).mean() for ae in models)
    assert spread > 1.5 * expected


def test_noise_may_be_a_schedule(x):
    constant = keras.optimizers.schedules.ExponentialDecay(3.0, 1, decay_rate=1.0)
    ae = zoo.create("semantic-hash", input_shape=(8, 8, 1), code_dim=4, noise=constant)
    layer = zoo.Autoencoder.from_config(ae.get_config()).get_layer("saturating_noise")
    assert float(layer.current_stddev()) == 3.0


@pytest.mark.parametrize("options", [{"noise": -1.0}, {"training_steps": 0}])
def test_wrong_options(options):
    with pytest.raises(ValueError, match="Received: "):
        zoo.create("semantic-hash", input_shape=(4,), code_dim=4, **options)
