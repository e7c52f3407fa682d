"""`python -m zoo`."""

from zoo.cli import cli

if __name__ == "__main__":
    cli(prog_name="python -m zoo")
