"""Runs the command line: `python -m serving`."""

import os
import sys

try:
    from serving.cli import main
except ModuleNotFoundError as missing:  # where requirements-client.txt alone is installed
    sys.exit(f"Error: the commands need {missing.name}: pip install -r requirements.txt")

# What goes wrong is told by the errors; gRPC's core logs each of its attempts besides.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
main(prog_name="python -m serving")
