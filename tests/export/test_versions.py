import multiprocessing
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from export import versions


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("2", 2),
        ("00002", 2),
        ("+3", 3),
        (" 4", 4),
        ("-7", -7),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", None),
        ("2.tmp", None),
        (".2", None),
        ("tmp2", None),
        ("v5", None),
        ("1e3", None),
        ("\u0661", None),
        ("1_0", None),
        ("", None),
    ],
)
def test_names_are_read_as_tf_serving_reads_them(name, number):
    assert versions.parse_version(name) == number


@pytest.mark.parametrize("name", ["a/b", "1", "00002", "+3", "", ".", "..", ".hidden", "a b", "-x"])
def test_unusable_names(name, tmp_path):
    with pytest.raises(ValueError, match="name must"), versions.staging(tmp_path, name):
        pass
    assert not list(tmp_path.iterdir())


def _commit(base, content="x"):
    with versions.staging(base, "m") as staging:
        staging.version.mkdir()
        (staging.version / "saved_model.pb").write_text(content)
        return staging.commit()


def test_next_number_is_one_more_than_the_highest(tmp_path):
    assert _commit(tmp_path).name == "1"
    (tmp_path / "m" / "0041").mkdir()
    (tmp_path / "m" / "99.tmp").mkdir()
    (tmp_path / "m" / "42").write_text("a file counts as a version too")
    assert _commit(tmp_path).name == "43"


@given(numbers=st.sets(st.integers(1, 10**6), max_size=5))
def test_versions_are_listed_in_order(numbers, tmp_path_factory):
    folder = tmp_path_factory.mktemp("m")
    for number in numbers:
        (folder / str(number)).mkdir()
    assert list(versions.list_versions(folder)) == sorted(numbers)


def test_nothing_is_left_of_a_publication_that_fails(tmp_path):
    def interrupted():
        with versions.staging(tmp_path, "m") as staging:
            staging.version.mkdir()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert versions.list_versions(tmp_path / "m") == {}
    assert not list((tmp_path / "m").glob(".publishing-*"))


def _commit_many(base, results):
    for _ in range(5):
        path = _commit(base, str(os.getpid()))
        results.put((int(path.name), os.getpid(), (path / "saved_model.pb").read_text()))


def test_twenty_processes_never_get_the_same_number(tmp_path):
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    workers = [context.Process(target=_commit_many, args=(tmp_path, results)) for _ in range(20)]
    for worker in workers:
        worker.start()
    got = [results.get() for _ in range(100)]
    for worker in workers:
        worker.join()
    assert sorted(number for number, _, _ in got) == list(range(1, 101))
    assert all(str(pid) == content for _, pid, content in got)


def test_base_that_is_a_file(tmp_path):
    (tmp_path / "base").write_text("")
    with (
        pytest.raises(NotADirectoryError, match=r"base path .* is not a folder"),
        versions.staging(tmp_path / "base", "m"),
    ):
        pass
