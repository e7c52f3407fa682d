"""Fine-tuning of the contractive table: labels are learnt and the autoencoder goes on learning."""

import keras
import numpy as np

import zoo
from benchmarks.papers.contractive import fine_tune


def test_fine_tuning_keeps_the_loss_of_the_autoencoder():
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    y = rng.integers(10, size=256)
    x = np.eye(10, dtype="float32")[y].repeat(2, axis=1)
    ae = zoo.create("contractive", (20,), 16, hidden=(), activation="sigmoid", tied=True)
    before = np.mean(ae.reconstruction_error(x, ae(x)))
    errors = fine_tune(ae, (x, y), (x, y), None, 40, 0.1, seed=0, batch=32, learning_rate=0.03)
    assert errors == (0.0, None)
    assert np.mean(ae.reconstruction_error(x, ae(x))) < before / 2
