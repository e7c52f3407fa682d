"""Names the machine that a figure was measured on."""

import os
import pathlib
import platform


def describe(*modules):
    """CPU, cores, Python and the versions of the given modules."""
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **{module.__name__: module.__version__ for module in modules},
    }
