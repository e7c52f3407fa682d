import itertools

import numpy as np

from zoo.datasets import shuffled_batches


def take(count, **kwargs):
    x = np.arange(10)
    return [
        batch.numpy().tolist()
        for batch in itertools.islice(shuffled_batches(x, 3, **kwargs), count)
    ]


def test_an_epoch_holds_different_rows_and_epochs_differ():
    batches = take(6, seed=1)
    for epoch in (batches[:3], batches[3:]):
        assert len({row for batch in epoch for row in batch}) == 9
    assert batches[:3] != batches[3:]


def test_resuming_sees_what_would_have_been_seen():
    assert take(9, seed=1)[6:] == take(3, seed=1, first_epoch=2)


def test_the_seed_decides_the_order():
    assert take(3, seed=1) == take(3, seed=1)
    assert take(3, seed=1) != take(3, seed=2)
