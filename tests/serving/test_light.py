"""The client is light: no TensorFlow, little memory, a quick import, and installs alone."""

import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROBE = """
import re, sys, time
start = time.process_time()  # the wall clock would measure the neighbours
import serving
seconds = time.process_time() - start
heavy = {"tensorflow", "keras", "tensorflow_serving", "zoo", "export", "ml_dtypes", "rich", "click"}
peak = int(re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1])
print(seconds, peak / 1024, heavy & set(sys.modules))
"""


def probe(python):
    done = subprocess.run(
        [python, "-c", PROBE], capture_output=True, text=True, check=True, cwd=ROOT
    )
    seconds, megabytes, heavy = done.stdout.split(maxsplit=2)
    return float(seconds), float(megabytes), heavy.strip()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_importing_the_client_is_quick_and_small():
    found = [probe(sys.executable) for _ in range(3)]
    assert min(seconds for seconds, _, _ in found) < 0.4
    assert min(megabytes for _, megabytes, _ in found) < 80
    assert all(heavy == "set()" for _, _, heavy in found)


def test_no_module_imports_the_packages_before_it():
    wrong = re.compile(r"^\s*(from|import) (zoo|export)\b", re.MULTILINE)
    files = [*(ROOT / "serving").rglob("*.py")]
    assert files
    assert not [file for file in files if wrong.search(file.read_text())]


@pytest.mark.slow
def test_the_client_works_where_only_its_requirements_are_installed(server, tmp_path):
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    requirements = ROOT / "requirements-client.txt"
    install = [python, "-m", "pip", "install", "-q", "-r", requirements]
    subprocess.run(install, check=True, timeout=280)
    code = f"""
import numpy as np
from serving import Client
with Client({server.address!r}, "enc") as client:
    print(client.hash(np.ones((2, 8), np.float32)).shape, client.status()[0].state)
"""
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "(2, 2) AVAILABLE\n", done.stderr
