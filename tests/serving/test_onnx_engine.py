"""ONNX Runtime answers as TensorFlow does, and leaves to it what it can't answer."""

import json
import logging
import shutil

import numpy as np
import pytest

import serving
from serving import Client
from serving.server import EmbeddedServer, ModelConfig, ServerOptions
from serving.server.servable import Servable
from tests.serving import models

pytest.importorskip("tf2onnx", reason="an optional package")
pytest.importorskip("onnxruntime", reason="an optional package")


@pytest.fixture(scope="module")
def base(published, tmp_path_factory):
    """The encoder and the oddities, with ONNX files."""
    base = tmp_path_factory.mktemp("onnx")
    for name in ("enc", "odd"):
        shutil.copytree(published / name / "1", base / name / "1")
        models.write_onnx(base / name / "1")
    return base


def load(path, cores=1):
    return Servable("m", 1, str(path), onnx_threads=cores)


def test_answers_are_those_of_tensorflow(base):
    plain, quick = Servable("m", 1, str(base / "enc" / "1")), load(base / "enc" / "1")
    assert set(quick._onnx) == set(plain.signatures) - {"__saved_model_init_op"}
    rows = np.random.default_rng(0).normal(size=(40, 8)).astype(np.float32)
    rows[3], rows[5, 2], rows[7] = np.nan, np.inf, 0
    for name in ("embed", "hash", "hash_query", "reconstruct", "score"):
        outputs = sorted(plain.signatures[name].outputs)
        for taken in (rows, rows[:1], rows[:0]):
            want = plain.run(name, {"inputs": taken}, outputs)
            got = quick.run(name, {"inputs": taken}, outputs)
            for one, other in zip(got, want, strict=True):
                assert one.dtype == other.dtype
                np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_what_onnx_runtime_lacks_is_tensorflows(base):
    config = ModelConfig("odd", str(base / "odd"))
    with (
        EmbeddedServer([config], ServerOptions(onnxruntime=True)) as server,
        Client(server.address, "odd") as client,
    ):
        answer = client.predict("two", a=np.ones((1, 2), np.float32), b=np.ones((1, 2), np.int32))
        assert answer["score"].tolist() == [4.0]
        with pytest.raises(serving.InvalidInput, match="below -1"):
            client.predict("fragile", x=np.float32([-5]))
        assert client.predict("scalar", x=np.float32(1))["y"] == 2.0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda folder: shutil.rmtree(folder), "every signature"),
        (lambda folder: (folder / "signatures.json").write_text("{"), "every signature"),
        (
            lambda folder: (folder / "signatures.json").write_text('{"embed": "../embed.onnx"}'),
            "names of files beside it",
        ),
        (lambda folder: (folder / "embed.onnx").write_bytes(b"no model"), "answers embed: "),
        (lambda folder: shutil.copy(folder / "hash.onnx", folder / "embed.onnx"), "the outputs"),
        (
            lambda folder: (folder / "signatures.json").write_text(
                json.dumps({"hash": "hash.onnx"})
            ),
            "embed, which has no ONNX file",
        ),
    ],
)
def test_files_that_are_wrong_are_left_and_told(base, tmp_path, caplog, change, told):
    shutil.copytree(base / "enc" / "1", tmp_path / "1")
    change(tmp_path / "1" / "assets.extra" / "onnx")
    with caplog.at_level(logging.WARNING, "serving"):
        servable = load(tmp_path / "1")
    assert told in caplog.text
    rows = np.ones((2, 8), np.float32)
    (embedding,) = servable.run("embed", {"inputs": rows}, ["embedding"])
    np.testing.assert_allclose(embedding, rows @ models.weights(), rtol=1e-4)
