"""What an index holds survives closing, killing and racing; nothing is invented."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time

import brute
import numpy as np
import pytest

from serving.index import HashIndex, IndexLockedError
from serving.index import store as store_module

BITS = 64


def codes_of(ids):
    """A code that depends on the id, so that an invented or mixed-up entry shows."""
    ids = np.asarray(ids, np.uint64)
    mixed = (ids + 1) * np.uint64(0x9E3779B97F4A7C15)
    return mixed.astype(">u8").view(np.uint8).reshape(-1, 8)


def contents(index):
    """All ids, checking that each has its code."""
    everything = index.within(np.zeros(BITS // 8, np.uint8), radius=BITS)[0].ids
    if len(everything):
        np.testing.assert_array_equal(index.codes(everything), codes_of(everything))
    return set(everything.tolist())


def test_reopened_index_is_the_same(tmp_path):
    with HashIndex.open(tmp_path / "i", bits=BITS) as index:
        index.add(np.arange(100), codes_of(range(100)), [{"n": n} for n in range(100)])
        index.remove(np.arange(50, 60))
        index.add([3], codes_of([200]), replace=True)
    with HashIndex.open(tmp_path / "i") as index:
        assert index.bits == BITS
        assert len(index) == 90
        assert index.payloads([3, 4]) == [None, {"n": 4}]
        np.testing.assert_array_equal(index.codes([3]), codes_of([200]))
        index.compact()
        assert index.payloads([4]) == [{"n": 4}]
        index.remove([4])
    with HashIndex.open(tmp_path / "i", readonly=True) as index:
        assert 4 not in index
        assert 5 in index
    assert len(list((tmp_path / "i").glob("segment-*"))) == 1


def test_wrong_bits_or_path(tmp_path):
    HashIndex.open(tmp_path / "i", bits=16).close()
    with pytest.raises(ValueError, match=r"codes of 16 bits. Received: bits=32"):
        HashIndex.open(tmp_path / "i", bits=32)
    with pytest.raises(FileNotFoundError, match="no index at"):
        HashIndex.open(tmp_path / "missing")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"thesis.txt"):
        HashIndex.open(tmp_path / "other", bits=16)
    assert os.listdir(tmp_path / "other") == ["thesis.txt"]


def test_one_writer_many_readers(tmp_path):
    with (
        HashIndex.open(tmp_path / "i", bits=BITS) as writer,
        HashIndex.open(tmp_path / "i") as other,
        HashIndex.open(tmp_path / "i", readonly=True) as reader,
    ):
        writer.add([1], codes_of([1]))
        assert contents(other) == contents(reader) == {1}
        with pytest.raises(IndexLockedError, match="one writer at a time"):
            other.add([2], codes_of([2]))
        with pytest.raises(Exception, match="readonly"):
            reader.add([2], codes_of([2]))
        writer.add([3], codes_of([3]))
        writer.compact()
        assert contents(other) == {1, 3}
        writer.close()
        other.add([2], codes_of([2]))
        assert contents(reader) == {1, 2, 3}


def test_small_adds_become_few_segments(tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "FLUSH_ENTRIES", 64)
    rng = np.random.default_rng(0)
    expected = set()
    with HashIndex.open(tmp_path / "i", bits=BITS) as index:
        index._store._flush_entries = 64
        for start in range(0, 3000, 30):
            ids = np.arange(start, start + 30)
            index.add(ids, codes_of(ids))
            expected |= set(ids.tolist())
            gone = rng.choice(sorted(expected), 5, replace=False)
            index.remove(gone)
            expected -= set(gone.tolist())
        assert contents(index) == expected
        assert len(list((tmp_path / "i").glob("segment-*"))) <= 7
    with HashIndex.open(tmp_path / "i") as index:
        assert contents(index) == expected


WRITER = """
import sys
import numpy as np
sys.path.insert(0, sys.argv[2])
from test_durable import codes_of
from serving.index import HashIndex, store
store.FLUSH_ENTRIES = 300
rng = np.random.default_rng(int(sys.argv[3]))
with HashIndex.open(sys.argv[1], bits=64) as index:
    index._store._flush_entries = 300
    step = int(sys.argv[4])
    while True:
        n = int(rng.integers(1, 400)) if rng.random() < 0.2 else int(rng.integers(1, 20))
        ids = step * 1000 + np.arange(n)
        print("try add", step, n, flush=True)
        index.add(ids, codes_of(ids))
        print("done add", step, n, flush=True)
        if rng.random() < 0.4:
            print("try remove", step, n, flush=True)
            index.remove(ids[: n // 2 + 1])
            print("done remove", step, n, flush=True)
        if rng.random() < 0.05:
            index.compact()
        step += 1
"""


def run_and_kill(path, seed, step, delay):
    """Runs a writer, kills it, returns what it said it began and finished."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, path, os.path.dirname(__file__), str(seed), str(step)],
        stdout=subprocess.PIPE,
        text=True,
    )
    lines = [process.stdout.readline()]
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    lines += process.stdout.readlines()
    process.wait()
    return [line.split() for line in lines if line.endswith("\n")]


def killed_writers(path, rounds, seed):
    rng = np.random.default_rng(seed)
    sure, step = set(), 0
    for _ in range(rounds):
        lines = run_and_kill(path, int(rng.integers(2**31)), step, rng.random() * 0.15)
        pending = None
        for state, verb, number, n in lines:
            base, n = int(number) * 1000, int(n)
            ids = set(range(base, base + (n if verb == "add" else n // 2 + 1)))
            if state == "try":
                pending = (verb, ids)
            else:
                sure = sure | ids if verb == "add" else sure - ids
                pending = None
            step = int(number) + 1
        with HashIndex.open(path) as index:
            found = contents(index)
        allowed = [sure]
        if pending is not None:
            allowed.append(sure | pending[1] if pending[0] == "add" else sure - pending[1])
        assert found in allowed
        sure = found


def test_kill_loses_nothing_and_invents_nothing(tmp_path):
    killed_writers(str(tmp_path / "i"), rounds=6, seed=1)


@pytest.mark.slow
def test_kill_hundreds_of_times(tmp_path):
    killed_writers(str(tmp_path / "i"), rounds=300, seed=2)


def test_reader_process_sees_whole_adds_only(tmp_path):
    path = str(tmp_path / "i")
    HashIndex.open(path, bits=BITS).close()
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    pool = context.Process(target=write_blocks, args=(path, stop))
    pool.start()
    try:
        with HashIndex.open(path, readonly=True) as reader:
            seen = 0
            deadline = time.monotonic() + 20
            while seen < 2000 and time.monotonic() < deadline:
                found = contents(reader)
                blocks = {number // 10 for number in found}
                assert len(found) == 10 * len(blocks)
                assert len(found) >= seen
                seen = len(found)
            assert seen >= 2000
    finally:
        stop.set()
        pool.join()


def write_blocks(path, stop):
    store_module.FLUSH_ENTRIES = 100
    with HashIndex.open(path) as index:
        index._store._flush_entries = 100
        block = 0
        while not stop.is_set() and block < 100000:
            ids = np.arange(block * 10, block * 10 + 10)
            index.add(ids, codes_of(ids))
            block += 1


def test_distances_after_many_changes_equal_brute_force(tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "FLUSH_ENTRIES", 50)
    rng = np.random.default_rng(3)
    model = {}
    with HashIndex.open(tmp_path / "i", bits=40) as index:
        index._store._flush_entries = 50
        for _ in range(60):
            ids = rng.choice(500, rng.integers(1, 80), replace=False)
            codes = brute.random_codes(rng, len(ids), 40, clusters=4)
            index.add(ids, codes, replace=True)
            model |= dict(zip(ids.tolist(), codes, strict=True))
            gone = rng.choice(list(model), rng.integers(0, len(model) // 2 + 1), replace=False)
            index.remove(gone)
            for number in gone.tolist():
                del model[number]
        ids, codes = np.array(list(model)), np.array(list(model.values()))
        for query in brute.random_codes(rng, 10, 40):
            expected = brute.nearest(ids, codes, query, 20)
            found = index.search(query, k=20)
            np.testing.assert_array_equal(found.ids[0], expected[0])
            np.testing.assert_array_equal(found.distances[0], expected[1])
