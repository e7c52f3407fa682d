import subprocess
import sys

import numpy as np
import pytest
import sklearn.datasets


def run(*command):
    """Runs a command of a user in a process of its own; returns its stdout."""
    finished = subprocess.run(
        [sys.executable, *map(str, command)], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """The folder that a run of the whole demo on a few digits left, and what it printed."""
    folder = tmp_path_factory.mktemp("demo")
    bunch = sklearn.datasets.load_digits()
    images = (bunch.images[:300] * 15).astype("uint8")
    np.savez(folder / "few.npz", x=images, y=bunch.target[:300])
    what = ("--data", folder / "few.npz", "--epochs", 10)
    printed = run("-m", "examples.demo", *what, "--out", folder / "out")
    return folder / "out", printed
