import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def _run(script, *arguments):
    done = subprocess.run(
        [sys.executable, "-I", str(EXAMPLES / script), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_savedmodel_by_tensorflow_alone(published):
    first, second, *codes = _run("load_savedmodel.py", published)
    assert (first, second) == ("digits: 20 binary components", "embedding (4, 20)")
    assert [len(line.removeprefix("code ")) for line in codes] == [6] * 4


@pytest.mark.slow
def test_savedmodel_as_a_keras_layer(published):
    assert _run("keras_layer.py", published) == ["classes (4, 10)"]
