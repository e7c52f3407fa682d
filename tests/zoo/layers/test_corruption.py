import keras
import numpy as np
import pytest

import zoo
from tests.zoo.testing import run_layer_test

LAYERS = [
    zoo.layers.GaussianCorruption,
    zoo.layers.MaskingCorruption,
    zoo.layers.SaltAndPepperCorruption,
]


@pytest.fixture
def x():
    return np.random.default_rng(0).uniform(0.2, 0.8, (400, 50)).astype("float32")


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("return_mask", [False, True])
def test_corruption_serialises_and_is_off_outside_training(layer, return_mask, x):
    schedule = keras.optimizers.schedules.PolynomialDecay(0.0, 10, 0.5)
    made = layer(schedule, seed=1, return_mask=return_mask)
    if not return_mask:
        # The step; the seed's state and the metric are no weights.
        run_layer_test(made, x, (50,), non_trainable_weights=1)
        np.testing.assert_array_equal(made(x), x)
    else:
        outputs, mask = made(x)
        np.testing.assert_array_equal(outputs, x)
        np.testing.assert_array_equal(mask, np.zeros_like(x))


@pytest.mark.parametrize("layer", LAYERS[1:])
@pytest.mark.parametrize("level", [0.0, 0.25, 1.0])
def test_the_level_is_the_rate_and_the_others_keep_their_values(layer, level, x):
    corrupted, mask = map(np.asarray, layer(level, seed=2, return_mask=True)(x, training=True))
    # 20000 draws: four standard deviations are below 0.013.
    assert mask.mean() == pytest.approx(level, abs=0.013)
    np.testing.assert_array_equal(corrupted[mask == 0], x[mask == 0])
    if layer is zoo.layers.MaskingCorruption:
        assert not corrupted[mask == 1].any()
    elif level:
        assert set(np.unique(corrupted[mask == 1])) == {0.0, 1.0}
        assert corrupted[mask == 1].mean() == pytest.approx(0.5, abs=0.03)


def test_salt_and_pepper_take_the_range_of_the_data(x):
    layer = zoo.layers.SaltAndPepperCorruption(0.5, low=-1.0, high=2.0, seed=0)
    assert set(np.unique(np.asarray(layer(x, training=True))[:, 0]).tolist()) > {-1.0, 2.0}


def test_gaussian_noise_has_the_level_as_standard_deviation(x):
    layer = zoo.layers.GaussianCorruption(1.5, seed=0, return_mask=True)
    corrupted, mask = map(np.asarray, layer(x, training=True))
    assert (corrupted - x).std() == pytest.approx(1.5, rel=0.03)
    assert (corrupted - x).mean() == pytest.approx(0, abs=0.05)
    assert mask.all()


@pytest.mark.parametrize("layer", LAYERS)
def test_what_is_missing_stays_missing(layer, x):
    x[:, 3] = np.nan
    corrupted = np.asarray(layer(0.9, seed=0)(x, training=True))
    np.testing.assert_array_equal(np.isnan(corrupted), np.isnan(x))


def test_a_schedule_follows_the_training_steps(x):
    schedule = keras.optimizers.schedules.PolynomialDecay(0.0, 4, 0.8)
    layer = zoo.layers.MaskingCorruption(schedule)
    rates = []
    for _ in range(6):
        layer(x, training=False)
        rates.append(np.mean(np.asarray(layer(x, training=True)) == 0))
    np.testing.assert_allclose(rates, [0, 0.2, 0.4, 0.6, 0.8, 0.8], atol=0.015)
    assert float(layer.level_tracker.result()) == pytest.approx(2.8 / 6)


def test_every_step_spoils_anew_and_a_seed_repeats(x):
    first, second = (zoo.layers.MaskingCorruption(0.5, seed=7) for _ in range(2))
    a = np.asarray(first(x, training=True))
    np.testing.assert_array_equal(a, second(x, training=True))
    assert (a != np.asarray(first(x, training=True))).any()


@pytest.mark.parametrize("layer", LAYERS)
def test_a_level_out_of_range_is_refused(layer):
    with pytest.raises(ValueError, match=r"Received: level=-0.1"):
        layer(-0.1)
    if layer is not zoo.layers.GaussianCorruption:
        with pytest.raises(ValueError, match=r"in \[0, 1\] .*Received: level=1.5"):
            layer(1.5)


def test_emphasis_weights_what_was_corrupted():
    mask = np.array([[0.0, 1.0, 1.0]], "float32")
    layer = zoo.layers.Emphasis(2.0, 0.5)
    run_layer_test(layer, mask, (3,))
    np.testing.assert_array_equal(layer(mask, training=True), [[0.5, 2, 2]])
    np.testing.assert_array_equal(layer(mask), [[1, 1, 1]])
    with pytest.raises(ValueError, match="nor both 0"):
        zoo.layers.Emphasis(0.0, 0.0)
