import zipfile

import click.testing
import pytest

from export import card
from export.deploy_cli import serving_config_command
from export.publish import load_encoder


@pytest.mark.parametrize("content", [b"{", b"[1]", b'"\xff"'])
def test_damaged_metrics_are_named(content, tmp_path):
    (tmp_path / "metrics.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"metrics\.json is damaged"):
        card.run_metrics(tmp_path)


def test_another_zip_is_no_encoder(tmp_path):
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as file:
        file.writestr("a.txt", "a")
    with pytest.raises(ValueError, match=r"m\.keras is not a saved Keras model"):
        load_encoder(tmp_path / "m.keras")


def test_a_file_is_no_folder_to_write_to(tmp_path):
    (tmp_path / "file").write_text("")
    arguments = [str(tmp_path), "--out", str(tmp_path / "file")]
    result = click.testing.CliRunner().invoke(serving_config_command, arguments)
    assert (result.exit_code, "'--out': Directory" in result.stderr) == (2, True)
