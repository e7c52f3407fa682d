import dataclasses
import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner
from tensorflow_serving.apis import prediction_log_pb2

import export
import zoo
from export import autoencoders, check, golden
from export.cli import main
from export.verify import verify


@pytest.fixture(scope="module")
def loaded(published):
    return tf.saved_model.load(str(published))


def _answer(loaded, name, **inputs):
    tensors = {key: tf.constant(value) for key, value in inputs.items()}
    return {key: value.numpy() for key, value in loaded.signatures[name](**tensors).items()}


def test_signature_table(published):
    card = json.loads((published / "assets.extra/model_card.json").read_text())
    table = {
        name: (
            [(key, s["dtype"], s["shape"]) for key, s in spec["inputs"].items()],
            [(key, s["dtype"], s["shape"]) for key, s in spec["outputs"].items()],
        )
        for name, spec in card["signatures"].items()
    }
    image, code = [None, 8, 8, 1], [("code", "uint8", [None, 3])]
    inputs, pixels = [("inputs", "float32", image)], [("reconstruction", "float32", image)]
    embedding = [("embedding", "float32", [None, 20])]
    assert table == {
        "serving_default": (inputs, embedding),
        "embed": (inputs, embedding),
        "hash": (inputs, code),
        "hash_query": (inputs, [*code, ("margin", "float32", [None, 20])]),
        "reconstruct": (inputs, pixels),
        "score": (inputs, [("error", "float32", [None])]),
        "decode": (embedding, pixels),
    }


def test_answers_equal_the_keras_model(loaded, hasher, images):
    activations = hasher.encoder.predict(images, verbose=0)
    margin = activations - hasher.binarize.thresholds.numpy()
    sure = np.abs(margin) > 1e-6
    np.testing.assert_allclose(
        _answer(loaded, "serving_default", inputs=images)["embedding"], activations, atol=1e-5
    )
    query = _answer(loaded, "hash_query", inputs=images)
    np.testing.assert_allclose(query["margin"], margin, atol=1e-5)
    bits = np.unpackbits(query["code"], axis=1)
    assert not bits[:, 20:].any()
    np.testing.assert_array_equal(bits[:, :20][sure], (margin > 0)[sure])
    np.testing.assert_array_equal(_answer(loaded, "hash", inputs=images)["code"], query["code"])
    pixels = _answer(loaded, "reconstruct", inputs=images)["reconstruction"]
    np.testing.assert_allclose(pixels, hasher.predict(images, verbose=0), atol=1e-5)
    np.testing.assert_allclose(
        _answer(loaded, "decode", embedding=activations)["reconstruction"], pixels, atol=1e-5
    )
    p = np.clip(pixels, 1e-7, 1 - 1e-7)
    entropy = -np.mean(images * np.log(p) + (1 - images) * np.log(1 - p), axis=(1, 2, 3))
    np.testing.assert_allclose(_answer(loaded, "score", inputs=images)["error"], entropy, rtol=1e-3)


def test_only_the_weights_of_encoder_and_decoder_are_saved(published, hasher):
    saved = {
        name: tuple(shape)
        for name, shape in tf.train.list_variables(str(published / "variables/variables"))
        if name != "_CHECKPOINTABLE_OBJECT_GRAPH"
    }
    card = json.loads((published / "assets.extra/model_card.json").read_text())
    assert len(saved) == len(card["variables"])
    assert sorted(saved.values()) == sorted(tuple(s) for s in card["variables"].values())
    clean = {w.path for part in (hasher.encoder, hasher.decoder) for w in part.weights}
    assert set(card["variables"]) <= clean | {"binarize/thresholds"}
    assert all("noise" not in name and "seed" not in name for name in card["variables"])


def test_recorded_answers_are_reproduced(published, images):
    recorded = list(golden.read(published))
    assert [(e.signature, len(next(iter(e.inputs.values())))) for e in recorded[:7:6]] == [
        ("embed", 1),
        ("embed", 3),
    ]
    np.testing.assert_array_equal(recorded[6].inputs["inputs"], images[:3])
    assert max(e["max_error"] for e in verify(published)["signatures"].values()) < 1e-5


def test_warm_up_covers_every_signature_at_every_batch_size(published):
    file = str(published / "assets.extra/tf_serving_warmup_requests")
    seen = []
    for record in tf.compat.v1.io.tf_record_iterator(file):
        log = prediction_log_pb2.PredictionLog.FromString(record).predict_log
        (tensor,) = log.request.inputs.values()
        seen.append((log.request.model_spec.signature_name, tensor.tensor_shape.dim[0].size))
    names = ["embed", "hash", "hash_query", "reconstruct", "score", "decode"]
    assert seen == [(name, size) for size in (1, 8, 32, 128) for name in names]


def test_changed_file_is_found(published, tmp_path):
    copy = shutil.copytree(published, tmp_path / "1")
    data = copy / "variables/variables.data-00000-of-00001"
    content = bytearray(data.read_bytes())
    content[1000] ^= 1
    data.write_bytes(content)
    with pytest.raises(export.ExportError, match="was changed after publishing"):
        verify(copy)


def test_a_model_is_no_version(published):
    with pytest.raises(FileNotFoundError, match=f"name a version of it, {published} say"):
        verify(published.parent)


def test_model_that_answers_otherwise_is_not_published(hasher, tmp_path, monkeypatch):
    honest = autoencoders.from_autoencoder

    def shifted(model, optimize):
        exportable = honest(model)
        score = next(s for s in exportable.signatures if s.name == "score")
        inner = score.function
        off = dataclasses.replace(score, function=lambda x: {"error": inner(x)["error"] + 0.01})
        return dataclasses.replace(exportable, signatures=(off,))

    monkeypatch.setattr(autoencoders, "from_autoencoder", shifted)
    with pytest.raises(export.ExportError, match=r"score at batch 1: error differs .* by 0\.00"):
        export.publish(hasher, tmp_path, name="digits")
    assert [p.name for p in (tmp_path / "digits").iterdir()] == [".publish.lock"]


def test_bits_may_differ_on_their_threshold_only():
    code = np.packbits([[1, 0, 1]], axis=1)
    flipped = np.packbits([[1, 1, 1]], axis=1)
    x = {"inputs": np.zeros((1, 2))}

    def compare(margin):
        want = check.Exchange("hash", x, {"code": code, "margin": np.array([margin])})
        return check.compare([want], [check.Exchange("hash", x, {"code": flipped})], 1e-4)

    assert compare([1.0, 1e-5, 1.0])["hash"]["bits_changed"] == pytest.approx(1 / 3)
    with pytest.raises(export.ExportError, match=r"differs from the Keras model by 0\.5"):
        compare([1.0, 0.5, 1.0])


def test_codes_that_jump_may_do_so_in_few_rows_only():
    x = {"inputs": np.zeros((4, 2))}
    want = check.Exchange("embed", x, {"embedding": np.zeros((4, 3), "float32")})
    off = np.zeros((4, 3), "float32")
    off[1], off[2, 0] = 1, 1e-5
    got = check.Exchange("embed", x, {"embedding": off})
    found = check.compare([want], [got], 1e-4, 0.25, ["embed"])["embed"]
    assert (found["max_error"], found["rows_changed"]) == (pytest.approx(1e-5), 0.25)
    with pytest.raises(export.ExportError, match=r"25\.00% of the rows differ"):
        check.compare([want], [got], 1e-4, 0.2, ["embed"])
    with pytest.raises(export.ExportError, match=r"differs from the Keras model by 1"):
        check.compare([want], [got], 1e-4, 0.25)


def test_encoder_of_somebody_else(tmp_path):
    """Unnamed inputs, half precision, a rotation and thresholds, dropout and batch norm."""
    keras.utils.set_random_seed(0)
    stack = [keras.layers.Dense(16, "tanh", dtype="mixed_float16"), keras.layers.Dropout(0.5)]
    encoder = keras.Sequential([keras.Input((5,)), *stack, keras.layers.Dense(6)])
    rotation = np.random.default_rng(0).normal(size=(6, 11)).astype("float32")
    thresholds = np.linspace(-1, 1, 11)
    path = export.publish_encoder(
        encoder,
        tmp_path,
        name="other",
        rotation=rotation,
        thresholds=thresholds,
        batch_sizes=(2,),
    )
    loaded = tf.saved_model.load(str(path))
    x = np.random.default_rng(1).random((9, 5), "float32")
    embedding = _answer(loaded, "embed", inputs=x)["embedding"]
    assert embedding.dtype == np.float32
    np.testing.assert_allclose(embedding, encoder.predict(x, verbose=0), atol=1e-3)
    margin = embedding @ rotation - thresholds.astype("float32")
    query = _answer(loaded, "hash_query", inputs=x)
    np.testing.assert_allclose(query["margin"], margin, atol=1e-5)
    np.testing.assert_array_equal(query["code"], np.packbits(query["margin"] > 0, axis=1))
    assert sorted(loaded.signatures) == ["embed", "hash", "hash_query", "serving_default"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"thresholds": np.zeros(3)}, r"thresholds must have the shape \[2\].*shape=\(3,\)"),
        ({"rotation": np.zeros((3, 4))}, r"rotation must have the shape \[2, bits\].*\(3, 4\)"),
        ({"thresholds": [0, np.nan]}, "thresholds must be finite"),
        ({"examples": np.zeros((0, 4))}, r"at least one row. Received: shape=\(0, 4\)"),
        ({"examples": np.zeros((3, 5))}, r"shape \(None, 4\).*shape=\(3, 5\)"),
        ({"examples": np.full((3, 4), np.nan)}, "examples of x must be finite"),
        ({"examples": {"y": np.zeros((3, 4))}}, "examples must have the keys x. Received: y"),
    ],
)
def test_bad_arguments(options, message, tmp_path):
    x = keras.Input((4,), name="x")
    encoder = keras.Model(x, keras.layers.Dense(2)(x))
    with pytest.raises(ValueError, match=message):
        export.publish_encoder(encoder, tmp_path, name="m", **options)
    assert not list(tmp_path.iterdir())


def test_model_without_declared_inputs(tmp_path):
    class Plain(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(ValueError, match="no declared inputs; wrap it"):
        export.publish_encoder(Plain(), tmp_path, name="m")


def test_python_function_is_refused(tmp_path):
    x = keras.Input((4,), name="x")
    doubled = keras.layers.Lambda(
        lambda x: tf.ensure_shape(tf.numpy_function(lambda a: a * 2, [x], tf.float32), (None, 4)),
        output_shape=(4,),
    )(x)
    with pytest.raises(export.ExportError, match=r"can't run PyFunc: replace tf.py_function"):
        export.publish_encoder(keras.Model(x, doubled), tmp_path, name="m")
    assert [p.name for p in (tmp_path / "m").iterdir()] == [".publish.lock"]


def test_wrong_kind_of_model(tmp_path):
    with pytest.raises(ValueError, match=r"must be a zoo.Autoencoder.*Received: Sequential"):
        export.publish(keras.Sequential(), tmp_path, name="m")


def test_command_line(published, hasher, tmp_path):
    run = CliRunner().invoke
    listed = json.loads(run(main, ["list", str(published.parents[1]), "--json"]).stdout)
    entry = listed["versions"][0]
    assert (entry["name"], entry["version"], entry["code"]) == ("digits", 1, "binary 20")
    assert entry["damage"] is None
    for arguments, code, message in [
        (["publish", "nowhere.keras", "b", "--name", "m"], 2, "no model at nowhere.keras"),
        (["publish", "nowhere.keras", "b", "--name", "7"], 2, "name must not be a number"),
        (["list", "nowhere"], 2, "no folder at nowhere"),
        (["verify", "nowhere/1"], 2, "no version at nowhere/1"),
    ]:
        result = run(main, arguments)
        assert result.exit_code == code
        assert message in result.stderr.splitlines()[-1]


def test_saved_model_file_and_run_folder(hasher, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    hasher.save(run / "model.keras")
    (run / "metrics.json").write_text('{"loss": 0.25}')
    result = CliRunner().invoke(
        main, ["publish", str(run), str(tmp_path / "base"), "--name", "m", "--json"]
    )
    assert result.exit_code == 0, result.output
    path = json.loads(result.stdout)["path"]
    card = json.loads((tmp_path / "base/m/1/assets.extra/model_card.json").read_text())
    assert path == str(tmp_path / "base/m/1")
    assert card["metrics"] == {"loss": 0.25}
    assert isinstance(zoo.load(run), zoo.Autoencoder)
