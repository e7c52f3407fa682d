"""Refused calls are retried, lost servers are left, errors of the request are not repeated."""

import threading

import numpy as np
import pytest

import serving
from serving import Client
from serving.server import EmbeddedServer, ModelConfig, ServerOptions
from tests.serving import models

ROWS = np.ones((1, models.FEATURES), np.float32)


@pytest.fixture(scope="module")
def config(published):
    return ModelConfig("enc", str(published / "enc"))


def ask_together(client, count):
    """Sends one request from each of `count` threads at once; returns what failed."""
    errors = []
    gate = threading.Barrier(count)

    def ask():
        gate.wait()
        try:
            client.embed(ROWS)
        except serving.ServingError as error:
            errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def test_calls_that_a_busy_server_refuses_are_retried(config):
    """A real server on 2 cores refuses more than 8 calls at once by default."""
    options = ServerOptions(max_concurrent_requests=2)
    with EmbeddedServer([config], options) as server:
        with Client(server.address, "enc", retry=False) as client:
            client.metadata()
            refused = [error for _ in range(5) for error in ask_together(client, 32)]
        assert refused
        assert all(isinstance(error, serving.Overloaded) for error in refused)
        with Client(server.address, "enc") as client:
            client.metadata()
            assert len(ask_together(client, 32)) < len(refused) / 5


def test_errors_of_the_request_are_sent_once(config):
    with EmbeddedServer([config]) as server, Client(server.address, "enc", version=7) as client:
        for _ in range(3):
            with pytest.raises(serving.ModelNotFound):
                client.metadata()
        client._signatures = {}
        with Client(server.address, "enc") as other:
            client._signatures = other.metadata()
        with pytest.raises(serving.ModelNotFound):
            client.embed(ROWS)
        counted = [line for line in server.metrics.render().splitlines() if "NOT_FOUND" in line]
    assert counted == [':tensorflow:serving:request_count{model_name="enc",status="NOT_FOUND"} 1']


def test_when_one_of_two_servers_goes_the_other_answers(config):
    with EmbeddedServer([config]) as stays:
        goes = EmbeddedServer([config]).start()
        try:
            with Client([stays.address, goes.address], "enc") as client:
                for _ in range(20):
                    client.embed(ROWS)
                shares = [one.metrics.render() for one in (stays, goes)]
                assert all("request_count" in share for share in shares)
                goes.stop()
                for _ in range(20):
                    assert client.embed(ROWS).shape == (1, models.BITS)
        finally:
            goes.stop()
