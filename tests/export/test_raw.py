import io

import keras
import numpy as np
import PIL.Image
import pytest
import tensorflow as tf

import export
import zoo
from export import golden
from export.autoencoders import from_autoencoder
from export.encoders import from_encoder
from export.raw import ImageBytes, TFExample, with_raw_input
from export.verify import verify


def _file(pixels, form):
    buffer = io.BytesIO()
    PIL.Image.fromarray(pixels).save(buffer, form)
    return buffer.getvalue()


def _image_model(shape):
    inputs = keras.Input(shape, name="pixels")
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs))


@pytest.mark.slow
def test_image_bytes(hasher, tmp_path):
    path = export.publish(hasher, tmp_path, name="m", raw=ImageBytes(), batch_sizes=(1,))
    loaded = tf.saved_model.load(str(path))
    on_images = {"embed", "hash", "hash_query", "reconstruct", "score"}
    on_tensors = {f"{name}_tensor" for name in on_images}
    assert set(loaded.signatures) == {"decode", "serving_default", *on_images, *on_tensors}
    pixels = np.random.default_rng(0).integers(0, 256, (5, 8, 8), np.uint8)
    png = tf.constant([_file(image, "PNG") for image in pixels])
    got = loaded.signatures["serving_default"](inputs=png)["embedding"].numpy()
    tensors = tf.constant(pixels[..., None] / np.float32(255))
    np.testing.assert_allclose(got, hasher.encoder(tensors), atol=1e-5)
    again = loaded.signatures["embed_tensor"](inputs=tensors)["embedding"].numpy()
    np.testing.assert_allclose(got, again, atol=1e-6)

    # Another size, another format, colour: resized, and read as grey.
    colour = np.random.default_rng(1).integers(0, 256, (40, 30, 3), np.uint8)
    jpeg = loaded.signatures["embed"](inputs=tf.constant([_file(colour, "JPEG")]))
    assert jpeg["embedding"].shape == (1, 20)
    recorded = next(golden.read(path)).inputs["inputs"]
    assert PIL.Image.open(io.BytesIO(recorded[0])).size == (8, 8)


def _endpoint(model, raw):
    return with_raw_input(from_encoder(model), raw).signatures[0]


def test_images_are_resized_and_scaled():
    grey = np.full((11, 7, 3), 51, np.uint8)
    raw = ImageBytes(scale=2 / 255, offset=-1, size=(6, 5))
    signature = _endpoint(_image_model((None, None, 3)), raw)
    files = np.array([_file(grey, "PNG"), _file(grey[:3], "BMP")], object)
    answer = signature.function(tf.constant(files))["embedding"]
    np.testing.assert_allclose(answer, np.full((2, 3), 51 * 2 / 255 - 1), atol=1e-6)


def _bytes_model():
    inputs = keras.Input((4, 6, 3), dtype="uint8", name="pixels")
    return keras.Model(inputs, keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs)))


def test_models_of_bytes_get_the_pixels_themselves():
    exportable = with_raw_input(from_encoder(_bytes_model()), ImageBytes())
    pixels = np.random.default_rng(0).integers(0, 256, (2, 4, 6, 3), np.uint8)
    files = np.array([_file(image, "PNG") for image in pixels], object)
    signature = exportable.signatures[0]
    want = pixels.reshape(2, -1) / 255
    np.testing.assert_allclose(signature.function(tf.constant(files))["embedding"], want, atol=1e-6)
    np.testing.assert_allclose(signature.reference({"inputs": files})["embedding"], want, atol=1e-6)
    assert exportable.description["raw_input"]["scale"] == 1


@pytest.mark.parametrize(
    "preprocessing",
    [
        None,
        keras.layers.Rescaling(1 / 255),
        keras.layers.Normalization(mean=[120.0, 110, 100], variance=[3000.0, 3000, 3000]),
    ],
)
def test_pixels_are_scaled_once(preprocessing):
    ae = zoo.create("missing", (4, 6, 3), 2, preprocessing=preprocessing, hidden=(4,))
    exportable = with_raw_input(from_autoencoder(ae), ImageBytes())
    pixels = np.random.default_rng(0).integers(0, 256, (2, 4, 6, 3), np.uint8)
    files = np.array([_file(image, "PNG") for image in pixels], object)
    got = exportable.signatures[0].function(tf.constant(files))["embedding"]
    taken = pixels.astype("float32") / (255 if preprocessing is None else 1)
    np.testing.assert_allclose(got, ae.encoder(taken), atol=1e-5)


def _encoder(*first, nested=False):
    inputs = keras.Input((None, None, 3), name="pixels")
    x = inputs
    for layer in first:
        x = layer(x)
    tail = [keras.layers.Conv2D(2, 3), keras.layers.GlobalAveragePooling2D()]
    if nested:
        return keras.Model(inputs, keras.Sequential([keras.Input((None, None, 3)), *tail])(x))
    return keras.Model(inputs, tail[1](tail[0](x)))


@pytest.mark.parametrize(
    ("first", "scale"),
    [
        ([], 1 / 255),
        ([keras.layers.Rescaling(2, offset=-1)], 1 / 255),
        ([keras.layers.Normalization(mean=[0.4] * 3, variance=[0.05] * 3)], 1 / 255),
        ([keras.layers.ZeroPadding2D(), keras.layers.Rescaling(1 / 255)], 1),
        ([lambda x: x / 127.5 - 1], 1),
        ([keras.layers.Normalization(mean=[120.0] * 3, variance=[3000.0] * 3)], 1),
        ([lambda x: x[..., ::-1] - np.float32([103.9, 116.8, 123.7])], 1),
        ([keras.Sequential([keras.layers.Rescaling(1 / 255), keras.layers.RandomFlip()])], 1),
    ],
)
@pytest.mark.parametrize("nested", [False, True])
def test_an_encoder_that_scales_pixels_itself_gets_them_as_they_are(first, scale, nested):
    exportable = from_encoder(_encoder(*first, nested=nested))
    raw = with_raw_input(exportable, ImageBytes(size=(8, 8))).description["raw_input"]
    assert raw["scale"] == pytest.approx(scale)


def test_models_of_bytes_refuse_a_fraction_of_pixels():
    with pytest.raises(ValueError, match=r"takes uint8: .* whole numbers .*scale=0.5, offset=0"):
        _endpoint(_bytes_model(), ImageBytes(scale=0.5))


def test_a_decoding_that_loses_pixels_is_not_published():
    class Dark(ImageBytes):
        def decode(self, rows, specs):
            return tuple(tensor // 255 for tensor in super().decode(rows, specs))

    with pytest.raises(export.ExportError, match="does not decode pixels to what is in it"):
        _endpoint(_bytes_model(), Dark())


@pytest.mark.slow
def test_a_version_on_image_bytes_is_verified_against_its_model(hasher, tmp_path):
    raw = ImageBytes(size=(8, 8))
    path = export.publish(hasher, tmp_path, name="m", raw=raw, batch_sizes=(1,))
    assert "embed_tensor" in verify(path, from_autoencoder(hasher))["signatures"]


@pytest.mark.parametrize(
    ("shape", "raw", "message"),
    [
        ((None, None, 3), ImageBytes(), r"any size .* give size=\(height, width\)"),
        ((8, 8, 3), ImageBytes(size=(9, 8)), r"images of 8x8 only. Received: size=\(9, 8\)"),
        ((8, 8, 2), ImageBytes(), r"channels|\[batch, height, width, 1, 3 or 4\]"),
        ((None, 8, 3), TFExample(), "inputs of fixed shape"),
    ],
)
def test_models_that_cannot_take_the_form(shape, raw, message):
    with pytest.raises(ValueError, match=message):
        _endpoint(_image_model(shape), raw)


@pytest.mark.slow
def test_tf_example(tmp_path):
    a, b = keras.Input((3,), name="a"), keras.Input((), name="b", dtype="int32")
    wide = keras.layers.Embedding(4, 2)(b)
    encoder = keras.Model([a, b], keras.layers.Concatenate()([a, wide]))
    path = export.publish_encoder(encoder, tmp_path, name="m", raw=TFExample(), batch_sizes=(1,))
    loaded = tf.saved_model.load(str(path))
    example = tf.train.Example()
    example.features.feature["a"].float_list.value.extend([1, 2, 3])
    example.features.feature["b"].int64_list.value.append(2)
    rows = tf.constant([example.SerializeToString()] * 2)
    got = loaded.signatures["embed"](examples=rows)["embedding"].numpy()
    row = [1, 2, 3, *encoder.get_layer(index=2).embeddings.numpy()[2]]
    np.testing.assert_allclose(got, [row, row], atol=1e-6)
    tensors = {"a": tf.constant([[1.0, 2, 3]]), "b": tf.constant([2])}
    again = loaded.signatures["embed_tensor"](**tensors)["embedding"].numpy()
    np.testing.assert_allclose(again, got[:1], atol=1e-6)


@pytest.mark.slow
def test_text(tmp_path):
    """A text layer, with its lookup table, takes strings in TensorFlow Serving's loader."""
    text = keras.layers.TextVectorization(output_mode="multi_hot")
    text.adapt(["one two three", "three four"])
    inputs = keras.Input((), dtype="string", name="text")
    encoder = keras.Model(inputs, keras.layers.Dense(3)(text(inputs)))
    examples = np.array(["one three", "unknown", "four\0\0"], object)
    path = export.publish_encoder(encoder, tmp_path, name="m", examples=examples, batch_sizes=(1,))
    loaded = tf.saved_model.load(str(path))
    answer = loaded.signatures["embed"](text=tf.constant(["two four"]))["embedding"]
    np.testing.assert_allclose(answer, encoder(tf.constant(["two four"])), atol=1e-6)
