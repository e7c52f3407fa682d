"""A server that is killed, clients that go away, and memory over many requests."""

import contextlib
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time

import numpy as np
import psutil
import pytest

import serving
from serving import Client
from serving.server import EmbeddedServer, ModelConfig, ServerOptions
from serving.server.servable import Servable
from tests.serving import models

ROWS = np.ones((2, models.FEATURES), np.float32)


def start(base, port=0):
    command = [sys.executable, "-m", "serving", "up", str(base), f"--port={port}", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    return process, json.loads(process.stdout.readline())["port"]


@pytest.fixture(scope="module")
def own_server(published):
    process, port = start(published)
    yield process, port
    process.kill()
    process.communicate()


def end(process, port):
    """By SIGTERM, which lets it finish what is in flight."""
    with Client(f"127.0.0.1:{port}", "odd", retry=False) as client:
        client.metadata()
        with models.slow_request(client, seconds=0.3):
            process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0


def test_clients_that_wait_see_nothing_of_a_kill_and_sigterm_waits_for_them(published):
    process, port = start(published)
    answers, errors, stop = [], [], threading.Event()

    def ask():
        with Client(
            f"127.0.0.1:{port}", "enc", timeout=60, retry=True, wait_for_ready=True
        ) as client:
            while not stop.is_set():
                try:
                    answers.append(client.embed(ROWS).shape)
                except serving.ServingError as error:
                    errors.append(error)
                time.sleep(0.02)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        while len(answers) < 20:
            time.sleep(0.02)
        process.kill()
        process.communicate()
        process, _ = start(published, port)
        seen = len(answers)
        deadline = time.monotonic() + 30
        while len(answers) < seen + 20 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(answers) >= seen + 20
        stop.set()
        for thread in threads:
            thread.join()
        end(process, port)
    finally:
        stop.set()
        process.kill()
        process.communicate()
    assert not errors


def test_a_client_that_reads_nothing_holds_nobody_up(own_server):
    _, port = own_server
    with socket.create_connection(("127.0.0.1", port)) as mute:
        mute.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + os.urandom(200))
        with Client(f"127.0.0.1:{port}", "enc") as client:
            assert client.embed(ROWS).shape == (2, models.BITS)


def growth(own_server, seconds):
    """Asks all kinds of things; returns by how many MB the server grew, once warmed up.

    Compares the medians of the second and the last third of the time: on a loaded machine a
    request that is answered late holds its memory for a while.
    """
    process, port = own_server
    memory = psutil.Process(process.pid).memory_info
    make = random.Random(1)
    where = f"127.0.0.1:{port}"
    thirds = [[], [], []]
    with Client(where, "enc") as enc, Client(where, "odd") as odd:
        start = time.monotonic()
        while (third := int((time.monotonic() - start) / seconds * 3)) < 3:
            enc.embed(np.ones((make.randrange(1, 600), 8), np.float32))
            enc.hash(ROWS)
            with pytest.raises(serving.InvalidInput):
                odd.predict("fragile", x=np.float32([-7]))
            with contextlib.suppress(serving.DeadlineExceeded):
                odd.predict("slow", timeout=0.001, steps=np.int32([1]))
            odd.predict("two", a=ROWS[:, :2], b=np.ones((2, 2), np.int32))
            thirds[third].append(memory().rss / 2**20)
    return statistics.median(thirds[2]) - statistics.median(thirds[1])


def test_memory_stays_flat_over_a_short_soak(own_server):
    assert growth(own_server, 6) < 15


@pytest.mark.slow
def test_memory_stays_flat_over_minutes(own_server):
    assert growth(own_server, 180) < 15


@pytest.mark.parametrize("batching", [True, False])
def test_what_nobody_waits_for_any_more_is_not_run(published, monkeypatch, batching):
    """Calls whose deadlines pass while they queue behind a slow one."""
    ran = []
    run = Servable.run
    monkeypatch.setattr(Servable, "run", lambda self, *args: (ran.append(1), run(self, *args))[1])
    options = ServerOptions(tensorflow_inter_op_parallelism=1, micro_batching=batching)
    config = ModelConfig("odd", str(published / "odd"))
    with (
        EmbeddedServer([config], options) as server,
        Client(server.address, "odd", retry=False) as client,
    ):
        client.metadata()
        slow = threading.Thread(target=lambda: client.predict("slow", steps=np.int32([40])))
        slow.start()
        while not ran:
            time.sleep(0.01)
        for _ in range(4):
            with pytest.raises(serving.DeadlineExceeded):
                client.predict("slow", timeout=0.02, steps=np.int32([40]))
        assert slow.is_alive()
        slow.join()
        client.predict("two", a=ROWS[:, :2], b=np.ones((2, 2), np.int32))
    assert len(ran) == 2
