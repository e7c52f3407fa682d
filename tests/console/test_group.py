import json
import warnings

import click
import pytest
from click.testing import CliRunner

import console


class QuotaError(Exception):
    pass


@pytest.fixture
def cli():
    @click.group(cls=console.Group, errors=(QuotaError,))
    def group():
        pass

    @group.command()
    @click.argument("kind")
    @console.json_option
    def run(kind, as_json):
        errors = {
            "value": ValueError("size must be positive.\n  Received: size=0"),
            "missing": FileNotFoundError("no such model"),
            "disk": OSError(28, "No space left on device"),
            "quota": QuotaError("quota is used up"),
            "bug": TypeError("a bug"),
        }
        if kind == "odd":
            warnings.warn("few rows:\n  only 3", stacklevel=1)
        if kind in errors:
            raise errors[kind]
        console.print_result({"kind": kind, "loss": 0.123456}, as_json)

    return group


@pytest.mark.parametrize(
    ("kind", "code", "message"),
    [
        ("value", 2, "Error: size must be positive. Received: size=0\n"),
        ("missing", 2, "Error: no such model\n"),
        ("disk", 1, "Error: [Errno 28] No space left on device\n"),
        ("quota", 1, "Error: quota is used up\n"),
    ],
)
def test_expected_errors_are_one_line_with_an_exit_code(cli, kind, code, message):
    result = CliRunner().invoke(cli, ["run", kind])
    assert (result.exit_code, result.stderr) == (code, message)


def test_a_warning_is_one_line(cli):
    result = CliRunner().invoke(cli, ["run", "odd", "--json"])
    assert (result.exit_code, result.stderr) == (0, "warning: few rows: only 3\n")


def test_a_bug_keeps_its_traceback(cli):
    assert isinstance(CliRunner().invoke(cli, ["run", "bug"]).exception, TypeError)


def test_debug_shows_the_traceback(cli, monkeypatch):
    monkeypatch.setenv("AEZOO_DEBUG", "1")
    assert isinstance(CliRunner().invoke(cli, ["run", "value"]).exception, ValueError)


def test_result_as_table_and_json(cli):
    assert "0.1235" in CliRunner().invoke(cli, ["run", "fine"]).output
    as_json = CliRunner().invoke(cli, ["run", "fine", "--json"]).output
    assert json.loads(as_json) == {"kind": "fine", "loss": 0.123456}


def test_a_pipe_gets_one_line_a_row(capsys):
    console.print_table([("a" * 100, "b" * 100)], ("first", "second"))
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_a_title_may_be_longer_than_its_table(capsys):
    console.print_table([(1,)], ("",), "answers as it should")
    assert capsys.readouterr().out.splitlines()[0] == "answers as it should"
