"""Runs the command line: `python -m serving`."""

import os

from serving.cli import main

# What goes wrong is told by the errors; gRPC's core logs each of its attempts besides.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
main(prog_name="python -m serving")
