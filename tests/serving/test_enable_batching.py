"""Batching by TF Serving's rules."""

import shutil
import threading

import numpy as np
import pytest

import serving
from serving import Client
from serving.server import (
    BatchRules,
    EmbeddedServer,
    ModelConfig,
    ServerOptions,
    StatusError,
    load_batching,
)
from tests.serving import models


@pytest.fixture(scope="module")
def batching(published, tmp_path_factory):
    path = tmp_path_factory.mktemp("batching") / "batching.config"
    path.write_text(
        "max_batch_size { value: 4 } batch_timeout_micros { value: 1000 }"
        " max_enqueued_batches { value: 100 } num_batch_threads { value: 2 }"
        " allowed_batch_sizes: 2 allowed_batch_sizes: 4"
    )
    configs = [ModelConfig(name, str(published / name)) for name in ("enc", "odd")]
    with EmbeddedServer(configs, ServerOptions(batching=load_batching(path))) as server:
        yield server


def test_batching_pads_and_bounds(batching):
    with Client(batching.address, "enc") as client:
        rows = np.random.default_rng(0).normal(size=(3, 8)).astype(np.float32)
        np.testing.assert_allclose(client.embed(rows), rows @ models.weights() * 2, rtol=1e-4)
        with pytest.raises(
            serving.InvalidInput, match="Task size 5 is larger than maximum input batch size 4"
        ):
            client.embed(np.ones((5, 8), np.float32))
    with Client(batching.address, "odd") as client:
        with pytest.raises(serving.InvalidInput, match="at least one dimension"):
            client.predict("scalar", x=np.float32(1))
        with pytest.raises(serving.FailedPrecondition, match="0th dimension"):
            client.predict("total", x=np.float32([1, 2]))


def test_batching_splits_large_requests_when_told(published):
    rules = BatchRules(100, enable_large_batch_splitting=True, max_execution_batch_size=7)
    config = ModelConfig("enc", str(published / "enc"))
    rows = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32)
    with (
        EmbeddedServer([config], ServerOptions(batching=rules)) as server,
        Client(server.address, "enc") as client,
    ):
        np.testing.assert_allclose(
            client.embed(rows), rows @ models.weights() * 2, rtol=1e-4, atol=1e-4
        )


def test_batch_sizes_that_contradict_fail_the_load(published):
    options = ServerOptions(batching=BatchRules(4, allowed_batch_sizes=(1, 2)))
    config = ModelConfig("enc", str(published / "enc"))
    with pytest.raises(Exception, match="last entry was 2; expected 4"):
        EmbeddedServer([config], options).start()


def test_each_version_may_have_its_own_batching_parameters(published, tmp_path):
    for name in ("four", "free", "broken"):
        shutil.copytree(published / "enc" / "2", tmp_path / name / "1")
    (tmp_path / "four" / "1" / "batching_params.pbtxt").write_text("max_batch_size { value: 4 }")
    (tmp_path / "broken" / "1" / "batching_params.pbtxt").write_text("max_batch_size: 4")
    options = ServerOptions(
        batching=BatchRules(2), enable_per_model_batching_parameters=True, max_num_load_retries=0
    )
    configs = [ModelConfig(name, str(tmp_path / name)) for name in ("four", "free")]
    with EmbeddedServer(configs, options) as server:
        with Client(server.address, "four") as client:
            assert len(client.embed(np.ones((4, 8), np.float32))) == 4
            with pytest.raises(serving.InvalidInput, match="maximum input batch size 4"):
                client.embed(np.ones((5, 8), np.float32))
        with Client(server.address, "free") as client:
            assert len(client.embed(np.ones((500, 8), np.float32))) == 500
    broken = ModelConfig("broken", str(tmp_path / "broken"))
    with pytest.raises(StatusError, match="INVALID_ARGUMENT: Invalid protobuf file"):
        EmbeddedServer([broken], options).start()


@pytest.mark.parametrize("options", [{}, {"batching": BatchRules(64, 2000)}])
def test_one_bad_request_does_not_hurt_its_batch_mates(published, options):
    """Sixteen at once, one of which fails an assertion in the graph."""
    config = ModelConfig("odd", str(published / "odd"))
    with (
        EmbeddedServer([config], ServerOptions(**options)) as server,
        Client(server.address, "odd") as client,
    ):
        client.metadata()
        answers = {}

        def ask_one(number):
            value = -5.0 if number == 7 else float(number)
            try:
                answers[number] = client.predict("fragile", x=np.float32([value]))["y"][0]
            except serving.InvalidInput as error:
                answers[number] = error

        for _ in range(5):
            answers.clear()
            threads = [threading.Thread(target=ask_one, args=(n,)) for n in range(16)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert "below -1" in str(answers.pop(7))
            assert answers == {n: 2.0 * n for n in range(16) if n != 7}
