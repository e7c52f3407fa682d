"""The client examples run as they are shown."""

import shutil
import subprocess
import sys

import numpy as np
import pytest

from serving.server import EmbeddedServer, ModelConfig, ServerOptions
from tests.serving import models


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "rows.npy"
    np.save(path, np.random.default_rng(3).normal(size=(20, models.FEATURES)).astype(np.float32))
    return path


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_asyncio(server, rows):
    told = run(sys.executable, "-m", "examples.async_client", server.address, "enc", rows)
    assert told == "embeddings (20, 12) float32\ncodes (20, 2) uint8\n"


def test_notebook(server, rows):
    told = run(sys.executable, "-m", "examples.notebook_client", server.address, "enc", rows)
    assert "embed float32 [?, 8] -> float32 [?, 12]" in told
    assert "0 is nearest to {0: 0" in told


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_rest(published):
    config = ModelConfig("enc", str(published / "enc"))
    with EmbeddedServer([config], ServerOptions(rest_api_port=0)) as server:
        where = f"127.0.0.1:{server.rest_port}"
        told = run("sh", "examples/rest.sh", where, "enc", "[1,1,1,1,1,1,1,1]")
    assert '"AVAILABLE"' in told
    assert '"predictions"' in told
