"""Every example as a user runs it, one after the other."""

import numpy as np
import pytest

import serving
from examples.demo import server
from tests.examples.conftest import run


@pytest.fixture(scope="module")
def address(demo):
    folder, _ = demo
    with server(folder / "models", folder / "again.log") as address:
        yield address


@pytest.fixture(scope="module")
def image(demo):
    folder, _ = demo
    with np.load(folder / "data.npz") as arrays:
        np.save(folder / "image.npy", arrays["x_test"][:1])
    return folder / "image.npy"


def test_bare_stubs_get_the_code_that_our_client_gets(address, image):
    printed = run("examples/grpc_stub_client.py", address, "demo", image)
    with serving.Client(address, "demo") as client:
        assert printed.strip() == client.hash(np.load(image)).tobytes().hex()


def test_savedmodel_in_another_app(demo):
    folder, _ = demo
    printed = run("examples/load_savedmodel.py", folder / "models" / "demo" / "1")
    assert "embedding (4, 16)" in printed
    assert printed.count("code ") == 4


def test_plain_keras_script(tmp_path):
    printed = run("-m", "examples.fit", tmp_path / "hash.keras", 2)
    assert "val_binarized_error" in printed
    codes = [line.split(": ")[1] for line in printed.splitlines() if line.startswith("a ")]
    assert [len(bytes.fromhex(code)) for code in codes] == [4, 4, 4]
