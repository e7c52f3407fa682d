"""Small SavedModels with the signatures of the SavedModel contract, and oddities."""

import contextlib
import os
import threading
import time

import numpy as np
import tensorflow as tf

BITS = 12
FEATURES = 8


def weights(seed=0):
    return np.random.default_rng(seed).normal(size=(FEATURES, BITS)).astype(np.float32)


class Encoder(tf.Module):
    """Embeds by one matrix; the code is the embedding's signs."""

    def __init__(self, scale=1.0, seed=0):
        super().__init__()
        self.matrix = tf.Variable(weights(seed) * scale, name="matrix")

    def _pack(self, embedding):
        bits = tf.pad(tf.cast(embedding > 0, tf.int32), [[0, 0], [0, -BITS % 8]])
        bytes_ = tf.reshape(bits, [-1, (BITS + 7) // 8, 8]) * [128, 64, 32, 16, 8, 4, 2, 1]
        return tf.cast(tf.reduce_sum(bytes_, axis=-1), tf.uint8)

    @tf.function(input_signature=[tf.TensorSpec([None, FEATURES], name="inputs")])
    def embed(self, inputs):
        return {"embedding": inputs @ self.matrix}

    @tf.function(input_signature=[tf.TensorSpec([None, FEATURES], name="inputs")])
    def hash(self, inputs):
        return {"code": self._pack(inputs @ self.matrix)}

    @tf.function(input_signature=[tf.TensorSpec([None, FEATURES], name="inputs")])
    def hash_query(self, inputs):
        embedding = inputs @ self.matrix
        return {"code": self._pack(embedding), "margin": embedding}

    @tf.function(input_signature=[tf.TensorSpec([None, FEATURES], name="inputs")])
    def reconstruct(self, inputs):
        return {"reconstruction": (inputs @ self.matrix) @ tf.transpose(self.matrix)}

    @tf.function(input_signature=[tf.TensorSpec([None, FEATURES], name="inputs")])
    def score(self, inputs):
        back = (inputs @ self.matrix) @ tf.transpose(self.matrix)
        return {"error": tf.reduce_mean(tf.square(back - inputs), axis=-1)}

    @tf.function(input_signature=[tf.TensorSpec([None, BITS], name="embedding")])
    def decode(self, embedding):
        return {"reconstruction": embedding @ tf.transpose(self.matrix)}


class Text(tf.Module):
    """Strings in, through a lookup table that the initialiser fills."""

    def __init__(self):
        super().__init__()
        pairs = tf.lookup.KeyValueTensorInitializer(["cat", "dog", "größe"], [1.0, 2.0, 3.0])
        self.table = tf.lookup.StaticHashTable(pairs, -1.0)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])
    def embed(self, inputs):
        return {"embedding": tf.stack([self.table.lookup(inputs)] * 2, axis=-1), "echo": inputs}


DTYPES = (
    *("float32", "float64", "float16", "bfloat16", "int8", "int16", "int32", "int64"),
    *("uint8", "uint16", "uint32", "uint64", "bool", "complex64", "complex128", "string"),
)


class Odd(tf.Module):
    """What encoders do not do, but models may."""

    def __init__(self):
        super().__init__()
        self.one = tf.Variable(1.0)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, 2], name="a"),
            tf.TensorSpec([None, 2], tf.int32, name="b"),
        ]
    )
    def two(self, a, b):
        total = a + tf.cast(b, tf.float32) * self.one
        return {"logits": total, "score": tf.reduce_sum(total, axis=-1)}

    @tf.function(input_signature=[tf.TensorSpec([None], name="x")])
    def fragile(self, x):
        with tf.control_dependencies([tf.debugging.assert_greater(x, -1.0, message="below -1")]):
            return {"y": tf.identity(x) * 2}

    @tf.function(input_signature=[tf.TensorSpec([], name="x")])
    def scalar(self, x):
        return {"y": x + self.one}

    @tf.function(input_signature=[tf.TensorSpec([None], name="x")])
    def total(self, x):
        return {"sum": tf.reduce_sum(x) * self.one}

    @tf.function(input_signature=[tf.TensorSpec([None, None], name="x")])
    def lengths(self, x):
        return {"sum": tf.reduce_sum(x, axis=-1) * self.one}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])
    def classes(self, inputs):
        x = tf.io.parse_example(inputs, {"x": tf.io.FixedLenFeature([], tf.float32)})["x"]
        labels = tf.tile([["small", "large"]], [tf.size(x), 1])
        return {"classes": labels, "scores": tf.stack([self.one - x, x], axis=-1)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])
    def values(self, inputs):
        x = tf.io.parse_example(inputs, {"x": tf.io.FixedLenFeature([], tf.float32)})["x"]
        return {"outputs": x * 2 * self.one}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32, name="steps")])
    def slow(self, steps):
        """Works for about a second for every 100 steps."""
        matrix = tf.random.stateless_uniform([700, 700], [1, 2])
        product = tf.while_loop(
            lambda i, m: i < tf.reduce_max(steps),
            lambda i, m: (i + 1, tf.math.tanh(m @ m)),
            [0, matrix],
        )[1]
        return {"y": tf.cast(steps, tf.float32) + 0 * product[0, 0]}

    @tf.function(
        input_signature=[tf.TensorSpec([None, 2], getattr(tf, name), name=name) for name in DTYPES]
    )
    def types(self, *tensors):
        return {
            f"{name}_out": tf.identity(tensor) for name, tensor in zip(DTYPES, tensors, strict=True)
        }


def write_onnx(version):
    """Adds ONNX files, for the signatures that have no strings, as `export publish --onnx` does."""
    from export import onnx_files
    from export.check import Exchange

    make = np.random.default_rng(0)
    asked = []
    for name, function in tf.saved_model.load(str(version)).signatures.items():
        _, specs = function.structured_input_signature
        if any(spec.dtype in (tf.string, tf.bfloat16) for spec in specs.values()):
            continue
        feeds = {
            key: make.integers(0, 3, [size or 2 for size in spec.shape]).astype(
                spec.dtype.as_numpy_dtype
            )
            for key, spec in specs.items()
            if spec.shape.rank
        }
        if len(feeds) == len(specs):
            answer = function(**{key: tf.constant(value) for key, value in feeds.items()})
            asked.append(Exchange(name, feeds, {key: x.numpy() for key, x in answer.items()}))
    return onnx_files.write(version, asked, {}, 1e-4)


def _write(module, names, base, version):
    """Saves beside the version and renames it into place, as a publisher must."""
    final = os.path.join(base, str(version))
    partial = os.path.join(base, f".{version}.partial")
    signatures = {name: getattr(module, name) for name in names}
    signatures["serving_default"] = signatures[names[0]]
    tf.saved_model.save(module, partial, signatures)
    os.rename(partial, final)
    return final


def write_encoder(base, version, scale=1.0, seed=0):
    names = ["embed", "hash", "hash_query", "reconstruct", "score", "decode"]
    return _write(Encoder(scale, seed), names, str(base), version)


def write_text(base, version=1):
    return _write(Text(), ["embed"], str(base), version)


def write_odd(base, version=1):
    names = ["two", "fragile", "scalar", "total", "lengths", "classes", "values", "slow", "types"]
    return _write(Odd(), names, str(base), version)


@contextlib.contextmanager
def slow_request(client, seconds):
    """Has a request of the odd model in flight since so long; in the end it must be answered."""
    answer = []
    slow = threading.Thread(
        target=lambda: answer.append(client.predict("slow", steps=np.int32([60])))
    )
    slow.start()
    time.sleep(seconds)
    yield
    slow.join()
    assert answer[0]["y"].tolist() == [60.0]
