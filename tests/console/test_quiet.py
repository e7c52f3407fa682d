import subprocess
import sys

import pytest


def start(body):
    program = f"import os, console\nwith console.quiet_start():\n    os.write(2, b'noise')\n{body}"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)


def test_native_output_is_put_aside():
    assert start("os.write(2, b'after')").stderr == "after"


def test_it_is_shown_if_the_start_fails():
    assert start("    raise OSError('no library')").stderr.startswith("noise")


@pytest.mark.parametrize("module", ["export.cli", "serving.cli"])
def test_commands_that_need_no_tensorflow_do_not_wait_for_it(module):
    program = f"import sys, {module}\nassert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("package", ["zoo", "export", "serving"])
def test_help_is_all_that_help_prints(package):
    command = [sys.executable, "-m", package, "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    assert shown.stdout.startswith("Usage: python -m")
    assert shown.stderr == ""
