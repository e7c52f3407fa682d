"""Memory that is freed and taken again: the system clears no new pages for it."""

import platform
import subprocess
import sys

import pytest

CODE = """
import resource
from serving.server.memory import keep_freed_memory
keep_freed_memory()
def faults():
    for _ in range(50):
        bytearray(8 << 20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
print(-faults() + faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
def test_freed_memory_is_kept():
    told = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert int(told.stdout) < 2048  # the pages of one of the fifty
