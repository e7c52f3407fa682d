"""Examples in the layers' docstrings that show what comes out."""

import doctest

import keras
import numpy as np
import pytest

import zoo.layers
from zoo.layers.selection import largest

THINGS = {name: getattr(zoo.layers, name) for name in zoo.layers.__all__} | {"largest": largest}
NAMES = THINGS | {"keras": keras, "np": np}


def shown():
    parser = doctest.DocTestParser()
    tests = [
        parser.get_doctest(thing.__doc__ or "", NAMES, name, None, None)
        for name, thing in THINGS.items()
    ]
    return [test for test in tests if any(example.want for example in test.examples)]


@pytest.mark.parametrize("test", shown(), ids=lambda test: test.name)
def test_example(test):
    assert not doctest.DocTestRunner().run(test).failed
