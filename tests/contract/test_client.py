"""The client: answers, checks, cutting, errors."""

import numpy as np
import pytest

import serving
from serving import Client
from tests.serving import models


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(1).normal(size=(50, models.FEATURES)).astype(np.float32)


def expected(images, scale=2.0):
    return images @ (models.weights() * np.float32(scale))


def test_every_method_answers_what_the_model_computes(client, images):
    embedding = client.embed(images)
    np.testing.assert_allclose(embedding, expected(images), rtol=1e-4, atol=1e-5)
    codes = client.hash(images)
    np.testing.assert_array_equal(codes, np.packbits(embedding > 0, axis=1))
    query = client.hash_query(images)
    np.testing.assert_array_equal(query.code, codes)
    np.testing.assert_allclose(query.margin, embedding, rtol=1e-4, atol=1e-5)
    back = client.reconstruct(images)
    np.testing.assert_allclose(client.decode(embedding), back, rtol=1e-3, atol=1e-4)
    error = np.mean((back - images) ** 2, axis=1)
    np.testing.assert_allclose(client.score(images), error, rtol=1e-3)


def test_predict_returns_every_output_by_name(target):
    with Client(target, "odd") as client:
        answer = client.predict("two", a=[[1.0, 2.0]], b=[[3, 4]])
    assert {name: value.tolist() for name, value in answer.items()} == {
        "logits": [[4.0, 6.0]],
        "score": [10.0],
    }


def test_strings_are_encoded_and_bytes_come_back(target):
    with Client(target, "text") as client:
        assert client.embed(["cat", b"dog", "größe", "?"])[:, 0].tolist() == [1, 2, 3, -1]
        assert client.predict("embed", inputs=["größe"])["echo"].tolist() == ["größe".encode()]


@pytest.mark.parametrize("options", [{"max_rows": 7}, {"max_bytes": 100}, {"in_flight": 1}])
def test_large_inputs_are_cut_and_joined_in_order(target, images, options):
    with Client(target, "enc", **options) as client:
        np.testing.assert_allclose(client.embed(images), expected(images), rtol=1e-4, atol=1e-5)


def test_progress_counts_rows(target, images):
    seen = []
    with Client(target, "enc", max_rows=20, progress=seen.append) as client:
        client.embed(images)
        list(client.encode_many([images[:3], images[:4]]))
    assert seen == [20, 20, 10, 3, 4]


def test_encode_many_keeps_batches_and_order(target, images):
    sizes = [3, 0, 20, 1, 0]
    ends = np.cumsum(sizes)
    batches = [images[end - size : end] for size, end in zip(sizes, ends, strict=True)]
    with Client(target, "enc", max_rows=4) as client:
        answers = list(client.encode_many(iter(batches), "hash"))
        assert [len(answer) for answer in answers] == sizes
        np.testing.assert_array_equal(np.concatenate(answers), client.hash(images[:24]))


def test_encode_many_does_not_read_ahead_without_bound(target, images):
    taken = []

    def endless():
        while True:
            taken.append(1)
            yield images[:2]

    with Client(target, "enc", in_flight=3) as client:
        stream = client.encode_many(endless())
        for _ in range(5):
            next(stream)
        stream.close()
    assert len(taken) <= 5 + 3 + 1


def test_no_rows_are_answered_with_no_rows(client):
    assert client.embed(np.zeros((0, models.FEATURES), np.float32)).shape == (0, models.BITS)
    assert client.hash(np.zeros((0, models.FEATURES), np.float32)).dtype == np.uint8


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.zeros((2, 5), np.float32), r"shape \[2, 5\].*float32 \[\?, 8\]"),
        (np.zeros(8, np.float32), r"shape \[8\]"),
        (np.full((1, 8), 0.1), r"float64 values such as 0\.1.*astype\('float32'\)"),
        (np.full((1, 8), 2**24 + 1), "cannot hold exactly"),
        ([["a"] * 8], "float32"),
        ([[1.0], [1.0, 2.0]], "inputs"),
    ],
)
def test_unfit_inputs_are_refused_before_they_are_sent(client, value, message):
    with pytest.raises(serving.InvalidInput, match=message) as caught:
        client.embed(value)
    assert caught.value.code == ""


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.int64, np.float64, bool])
def test_inputs_are_cast_where_nothing_is_lost(client, dtype):
    ones = np.ones((2, models.FEATURES), dtype)
    np.testing.assert_array_equal(client.embed(ones), client.embed(ones.astype(np.float32)))


def test_inputs_by_wrong_name_are_named(target):
    with (
        Client(target, "odd") as client,
        pytest.raises(serving.InvalidInput, match="takes a, b; received a, c"),
    ):
        client.predict("two", a=[[1.0, 2.0]], c=[[1, 2]])


def test_version_is_addressed(target, images):
    for version, scale in ((1, 1.0), (2, 2.0)):
        with Client(target, "enc", version=version) as client:
            np.testing.assert_allclose(
                client.embed(images), expected(images, scale), rtol=1e-4, atol=1e-5
            )


def test_missing_things_are_told_apart(target, images):
    with Client(target, "nope") as client, pytest.raises(serving.ModelNotFound):
        client.embed(images)
    with Client(target, "enc", version=9) as client:
        with pytest.raises(serving.ModelNotFound, match=r"Specific\(enc, 9\)"):
            client.embed(images)
        with pytest.raises(serving.ModelNotFound, match="version 9"):
            client.status()
    with (
        Client(target, "text") as client,
        pytest.raises(serving.SignatureNotFound, match="'hash'; it has embed"),
    ):
        client.hash(["cat"])


def test_no_server_is_one_clear_error(images):
    with Client("127.0.0.1:1", "enc", retry=False) as client:
        with pytest.raises(serving.ServerUnavailable, match=r"no server answers at 127\.0\.0\.1:1"):
            client.embed(images)
        with pytest.raises(serving.ServerUnavailable):
            client.wait_until_ready(timeout=0.2)


def test_waiting_for_a_model_that_is_not_there_names_it(target):
    with (
        Client(target, "nope") as client,
        pytest.raises(serving.DeadlineExceeded, match="model nope"),
    ):
        client.wait_until_ready(timeout=0.2)


def test_deadlines_end_slow_calls(target):
    with Client(target, "odd") as client:
        client.metadata()
        with pytest.raises(serving.DeadlineExceeded):
            client.predict("slow", timeout=0.05, steps=np.int32([30]))


@pytest.mark.parametrize("wrong", ["localhost", "localhost:0", ":8500", "localhost:http", []])
def test_targets_must_be_host_and_port(wrong):
    with pytest.raises(serving.InvalidInput, match="host:port"):
        Client(wrong, "enc")


def test_several_servers_share_the_calls(target, images):
    with Client([target, target], "enc") as one:
        assert one.embed(images).shape == (50, models.BITS)


def test_status_lists_versions_highest_first(client):
    assert [(v.version, v.state) for v in client.status()] == [(2, "AVAILABLE"), (1, "AVAILABLE")]
