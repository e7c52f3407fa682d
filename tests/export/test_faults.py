"""Kills, full disks and read-only targets, with real processes."""

import contextlib
import errno
import filecmp
import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from export import card, versions

ROOT = Path(__file__).parents[2]
PUBLISHER = str(Path(__file__).with_name("faulty_publisher.py"))


def _start(*command, **options):
    return subprocess.Popen(
        [sys.executable, *map(str, command)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def _same(folder, other):
    files = sorted(p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
    assert files == sorted(p.relative_to(other) for p in other.rglob("*") if p.is_file())
    matches, *rest = filecmp.cmpfiles(folder, other, files, shallow=False)
    return not any(rest) and len(matches) == len(files)


def test_kill_at_any_moment_leaves_whole_versions_or_none(published, tmp_path):
    generator = random.Random(5)
    committed = 0
    for _ in range(12):
        child = _start(PUBLISHER, tmp_path, published, 1000)
        first = child.stdout.readline()
        assert first, child.stderr.read()
        time.sleep(generator.uniform(0, 0.05))
        child.kill()
        rest, _ = child.communicate()
        committed += 1 + rest.count("\n")
        for path in versions.list_versions(tmp_path / "m").values():
            assert _same(published, path)
            shutil.rmtree(path) if path.name != str(committed) else None
    present = versions.list_versions(tmp_path / "m")
    assert max(present) >= committed >= 12
    left = list((tmp_path / "m").glob(".publishing-*"))
    assert len(left) <= 1  # each publisher removed what the killed one before left behind
    with versions.staging(tmp_path, "m"):
        assert len(list((tmp_path / "m").glob(".publishing-*"))) == 1


def test_living_publishers_are_left_alone(tmp_path):
    with versions.staging(tmp_path, "m") as first:
        first.version.mkdir()
        code = "import sys; from export import versions\nwith versions.staging(sys.argv[1], 'm'): 1"
        child = _start("-c", code, tmp_path)
        assert child.wait(60) == 0, child.stderr.read()
        assert first.version.is_dir()
        assert first.commit().name == "1"


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MB, less than a version needs."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("needs the right to mount a file system")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def _publish_command(model, base, **options):
    return _start("-m", "export", "publish", model, base, "--name", "m", **options)


@pytest.fixture(scope="module")
def model_file(hasher, tmp_path_factory):
    file = tmp_path_factory.mktemp("models") / "model.keras"
    hasher.save(file)
    return file


def _fails_in_one_line(child, *words):
    _, errors = child.communicate(timeout=120)
    last = errors.strip().splitlines()[-1]
    assert child.returncode == 1, errors
    assert last.startswith("Error: "), errors
    assert "Traceback" not in errors
    for word in words:
        assert word in last


def test_full_disk(small_disk, model_file):
    _fails_in_one_line(_publish_command(model_file, small_disk), "No space left")
    assert [p.name for p in (small_disk / "m").iterdir()] == [".publish.lock"]


def test_read_only_disk(small_disk, tmp_path):
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with (
        pytest.raises(OSError, match="base path is not writable: Read-only") as error,
        versions.staging(small_disk, "m"),
    ):
        pass
    assert error.value.errno == errno.EROFS


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user to be refused")
def test_folder_of_somebody_else(tmp_path):
    (tmp_path / "base").mkdir(mode=0o755)
    child = os.fork()
    if not child:
        os.setuid(65534)
        with contextlib.suppress(OSError):
            os.chdir("/")
        try:
            with versions.staging(tmp_path / "base", "m"):
                os._exit(2)
        except PermissionError as error:
            os._exit(0 if "base path is not writable" in str(error) else 3)
        finally:
            os._exit(4)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.slow
def test_kill_of_the_command_line_at_random_moments(model_file, tmp_path):
    generator = random.Random(7)
    (tmp_path / "m").mkdir()
    for _ in range(10):
        child = _publish_command(model_file, tmp_path)
        time.sleep(generator.uniform(6, 20))
        child.kill()
        child.communicate()
        for path in versions.list_versions(tmp_path / "m").values():
            assert card.damage(path, thorough=True) is None
            assert card.read(path)["checks"]["signatures"]
    child = _publish_command(model_file, tmp_path)
    assert child.communicate()[1] is not None
    assert child.returncode == 0
    assert not list((tmp_path / "m").glob(".publishing-*"))


@pytest.mark.slow
def test_twenty_publications_at_once(model_file, tmp_path):
    children = [_publish_command(model_file, tmp_path) for _ in range(20)]
    for child in children:
        _, errors = child.communicate()
        assert child.returncode == 0, errors
    present = versions.list_versions(tmp_path / "m")
    assert list(present) == list(range(1, 21))
    prints = {
        json.loads((p / "assets.extra/model_card.json").read_text())["fingerprint"]
        for p in present.values()
    }
    assert len(prints) == 1
    assert all(card.damage(path, thorough=True) is None for path in present.values())
