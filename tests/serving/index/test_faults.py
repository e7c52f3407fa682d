"""A damaged file is reported, never answered from; a full disk keeps the old state."""

import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from test_durable import codes_of, contents

from serving.index import HashIndex, IndexDamagedError
from serving.index import segment as segment_module
from serving.index import store as store_module

HERE = str(Path(__file__).parent)


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "i"
    with HashIndex.open(path, bits=64) as index:
        index.add(np.arange(100), codes_of(range(100)), [{"n": n} for n in range(100)])
        index.compact()
        index.remove([7, 8])
        store_module.Store._checkpoint(index._store, index._store.snapshot())
        index.add([200, 201], codes_of([200, 201]))
        index.add([202], codes_of([202]))
        index.remove([9])
    return path


def state(path):
    with HashIndex.open(path) as index:
        ids, codes, texts = index.entries()
        return ids.tolist(), codes.tolist(), texts


def test_any_changed_byte_is_reported(small, tmp_path):
    right = state(small)
    rng = np.random.default_rng(0)
    for file in small.iterdir():
        original = file.read_bytes()
        where = range(len(original))
        if len(original) > 400:
            where = rng.choice(len(original), 400, replace=False)
        for place in where:
            damaged = bytearray(original)
            damaged[place] ^= 1 << rng.integers(8)
            file.write_bytes(damaged)
            try:
                assert state(small) == right  # only where bytes are padding
                assert original[place] == 0
            except IndexDamagedError as error:
                reported = str(error)
                assert str(file) in reported
            file.write_bytes(original)


def test_cut_or_missing_files_are_reported(small):
    right = state(small)
    for file in small.iterdir():
        original = file.read_bytes()
        if file.name == "lock":
            continue
        for size in (0, 10, len(original) // 2, len(original) - 1):
            file.write_bytes(original[:size])
            if file.name.startswith("log-"):
                # Like a kill in the middle of a write: the records before it count.
                assert set(state(small)[0]) <= {*range(100), 200, 201, 202}
            else:
                with pytest.raises(IndexDamagedError, match=file.name):
                    state(small)
            file.write_bytes(original)
        file.rename(small.parent / "away")
        with pytest.raises(IndexDamagedError, match=f"{file.name}.*is missing"):
            HashIndex.open(small, bits=64)
        (small.parent / "away").rename(file)
    assert state(small) == right


FULL = """
import resource, signal, sys
sys.path.insert(0, sys.argv[2])
import numpy as np
from test_durable import codes_of
from serving.index import HashIndex, store
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store.FLUSH_ENTRIES = 1000
with HashIndex.open(sys.argv[1], bits=64) as index:
    index._store._flush_entries = 1000
    index.add(np.arange(900), codes_of(range(900)))
    before = set(np.arange(900).tolist())
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16000, hard))
    for ids in (np.arange(1000, 1300), np.arange(5000, 9000)):  # to the log; as a segment
        try:
            index.add(ids, codes_of(ids))
        except OSError as error:
            assert error.errno == 27 and 'stays as it was' in str(error), error
        else:
            raise AssertionError("a file beyond the limit was written")
        assert set(index.entries()[0].tolist()) == before
    ids = np.arange(2000, 2005)  # a smaller one still fits
    index.add(ids, codes_of(ids))
    resource.setrlimit(resource.RLIMIT_FSIZE, (8000, hard))
    try:
        index.compact()
    except OSError:
        pass
    else:
        raise AssertionError("a segment beyond the limit was written")
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    index.add([9000], codes_of([9000]))
"""


def test_full_disk_keeps_the_old_state(tmp_path):
    subprocess.run([sys.executable, "-c", FULL, str(tmp_path / "i"), HERE], check=True)
    with HashIndex.open(tmp_path / "i") as index:
        assert contents(index) == {*range(900), *range(2000, 2005), 9000}
        index.compact()
        names = sorted(file.name.split("-")[0] for file in (tmp_path / "i").iterdir())
        assert names == ["lock", "log", "manifest", "segment"]


def test_log_grows_on_when_it_cannot_become_a_segment(tmp_path, monkeypatch, caplog):
    with HashIndex.open(tmp_path / "i", bits=64) as index:
        index._store._flush_entries = 10

        def full(*arguments):
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(segment_module, "writing_arrays", full)
            index.add(np.arange(12), codes_of(range(12)))
        assert "No space left" in caplog.text
        index.add(np.arange(12, 30), codes_of(range(12, 30)))
        assert contents(index) == set(range(30))
    assert set(state(tmp_path / "i")[0]) == set(range(30))


def test_searches_during_changes_see_whole_adds(tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "FLUSH_ENTRIES", 200)
    failures = []
    with HashIndex.open(tmp_path / "i", bits=64) as index:
        index._store._flush_entries = 200
        done = threading.Event()

        def check(ids):
            blocks = np.unique(ids // 10)
            np.testing.assert_array_equal(np.sort(ids), (blocks[:, None] * 10 + range(10)).ravel())

        def read():
            try:
                while not done.is_set():
                    query = np.zeros(8, np.uint8)
                    check(index.within(query, radius=64)[0].ids)
                    nearest = index.search(query, k=2000).ids[0]
                    check(nearest[nearest >= 0])
            except Exception as error:
                failures.append(error)

        readers = [threading.Thread(target=read) for _ in range(3)]
        for reader in readers:
            reader.start()
        for block in range(150):
            ids = np.arange(block * 10, block * 10 + 10)
            index.add(ids, codes_of(ids))
            if block % 10 == 9:
                index.remove(ids)
            if block % 40 == 39:
                index.compact()
        done.set()
        for reader in readers:
            reader.join()
        assert not failures
        assert len(index) == 1350


def test_copy_of_an_index_is_an_index(small, tmp_path):
    shutil.copytree(small, tmp_path / "copy")
    assert state(tmp_path / "copy") == state(small)
