"""Files for ONNX Runtime and LiteRT; their packages are optional: pip install '.[formats]'."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from click.testing import CliRunner

import export
import zoo
from export import card, formats, golden, onnx_files
from export.cli import main

FILES = {"onnx": "m.onnx", "litert": "m.tflite"}
ROOT = Path(__file__).parents[2]


def _need(form):
    for package in formats.FORMATS[form][1]:
        pytest.importorskip(package, reason="an optional package")


@pytest.mark.parametrize("form", FILES)
def test_binary_codes(form, hasher, images, tmp_path):
    _need(form)
    file = tmp_path / FILES[form]
    found = formats.convert(hasher, file, form, images)["encode"]
    assert found["max_error"] < 1e-5
    assert found["batch_sizes"] == [1, 3, 64]
    assert os.listdir(tmp_path) == [file.name]
    run = formats._onnx(file) if form == "onnx" else formats._litert(file)
    answer = run({"inputs": images[:5]})
    activations = np.asarray(hasher.encoder(images[:5]))
    np.testing.assert_allclose(answer["embedding"], activations, atol=1e-5)
    bits = np.unpackbits(answer["code"], axis=1)[:, :20]
    margin = np.asarray(hasher.binarize.margin(activations))
    np.testing.assert_array_equal(bits[abs(margin) > 1e-5], (margin > 0)[abs(margin) > 1e-5])


@pytest.mark.parametrize("form", FILES)
def test_what_fit_takes_for_images(form, tmp_path):
    _need(form)
    ae = zoo.create("semantic-hash", (8, 8, 1), 16, backbone="gradients", hidden=(5,))
    assert formats.convert(ae, tmp_path / FILES[form], form)["encode"]["max_error"] < 1e-4


@pytest.mark.parametrize("form", FILES)
def test_two_inputs(form, tmp_path):
    _need(form)
    a, b = keras.Input((3,), name="b"), keras.Input((2,), name="a")
    encoder = keras.Model([a, b], keras.layers.Dense(2)(keras.layers.Concatenate()([a, b])))
    assert formats.convert(encoder, tmp_path / FILES[form], form)["encode"]["max_error"] < 1e-5


def test_file_that_answers_otherwise_is_not_left(hasher, tmp_path, monkeypatch):
    _need("litert")
    run = formats._litert
    monkeypatch.setattr(
        formats,
        "_litert",
        lambda file: lambda arrays: {k: v + 1 for k, v in run(file)(arrays).items()},
    )
    with pytest.raises(export.ExportError, match="differs from the Keras model"):
        formats.convert(hasher, tmp_path / "m.tflite", "litert")
    assert not list(tmp_path.iterdir())


def test_operation_that_the_format_lacks(tmp_path):
    _need("onnx")
    ae = zoo.create("vector-quantized", (7,), 4, hidden=(5,))
    with pytest.raises(export.ExportError, match="can't be written as onnx: "):
        formats.convert(ae, tmp_path / "m.onnx", "onnx")
    assert not list(tmp_path.iterdir())


def test_command_line_and_example(hasher, tmp_path):
    _need("onnx")
    hasher.save(tmp_path / "m.keras")
    command = ["convert", str(tmp_path / "m.keras"), str(tmp_path / "m.onnx"), "--format=onnx"]
    result = CliRunner().invoke(main, [*command, "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["bytes"] == (tmp_path / "m.onnx").stat().st_size
    again = CliRunner().invoke(main, command)
    assert (again.exit_code, "is there already" in again.stderr) == (1, True)
    lines = subprocess.run(
        [sys.executable, "-I", str(ROOT / "examples/onnx_runtime.py"), str(tmp_path / "m.onnx")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert lines[0] == "embedding (4, 20)"
    assert [len(line.removeprefix("code ")) for line in lines[1:]] == [6] * 4


def test_refuses(hasher, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"format must be one of onnx, litert. Received: x"):
        formats.convert(hasher, tmp_path / "m.x", "x")
    with pytest.raises(ValueError, match=r"litert is named \*.tflite. Received: .*m.onnx"):
        formats.convert(hasher, tmp_path / "m.onnx", "litert")
    monkeypatch.setitem(formats.FORMATS, "onnx", (".onnx", ("no_such_package",)))
    with pytest.raises(export.ExportError, match=r"onnx needs no_such_package, .*\.\[formats\]"):
        formats.convert(hasher, tmp_path / "m.onnx", "onnx")
    monkeypatch.setitem(formats.FORMATS, "onnx", (".onnx", ()))
    texts = np.array(["a b", "c"])
    ae = zoo.create("undercomplete", (), 2, backbone="text", adapt=texts, hidden=(3,))
    with pytest.raises(ValueError, match="takes numbers, and this model takes strings"):
        formats.convert(ae, tmp_path / "m.onnx", "onnx")


def test_onnx_files_of_a_version(published, tmp_path):
    """Every signature of the hasher converts; they are checked against its recorded answers."""
    _need("onnx")
    version = shutil.copytree(published, tmp_path / "1")
    recorded = list(golden.read(version))
    found = onnx_files.write(version, recorded, {"serving_default": "embed"}, 1e-4)
    assert set(found) == {"embed", "hash", "hash_query", "reconstruct", "score", "decode"}
    assert all(error < 1e-4 for error in found.values())
    files = json.loads((version / onnx_files.FOLDER / onnx_files.INDEX).read_text())
    assert files["serving_default"] == files["embed"] == "embed.onnx"
    wrong = [
        dataclasses.replace(
            recorded[0], outputs={"embedding": recorded[0].outputs["embedding"] + 1}
        )
    ]
    shutil.rmtree(version / onnx_files.FOLDER)
    with pytest.raises(export.ExportError, match="no signature can be written as ONNX"):
        onnx_files.write(version, wrong, {}, 1e-4)


@pytest.mark.slow
def test_publishing_with_onnx_files(hasher, images, tmp_path):
    _need("onnx")
    path = export.publish(hasher, tmp_path, name="digits", examples=images, onnx=True)
    assert json.loads((path / onnx_files.FOLDER / onnx_files.INDEX).read_text())["hash"]
    assert card.read(path)["checks"]["onnx"]["hash"] < 1e-4
    assert card.damage(path, thorough=True) is None
