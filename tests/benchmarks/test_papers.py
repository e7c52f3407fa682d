"""Results files of the papers' tables: rows that were measured otherwise say so."""

import json

from benchmarks.papers import mnist, tables


def test_rows_keep_the_settings_they_were_measured_with(tmp_path, monkeypatch):
    monkeypatch.setattr(mnist, "RESULTS", tmp_path)
    mnist.write("table", {"a": {"error": 1.0}, "b": {"error": 2.0}}, {"epochs": 5})
    mnist.write("table", {"b": {"error": 3.0}}, {"epochs": 9})
    result = json.loads((tmp_path / "table.json").read_text())
    assert result["settings"] == {"epochs": 9}
    assert result["rows"] == {"a": {"error": 1.0, "settings": {"epochs": 5}}, "b": {"error": 3.0}}
    assert "epochs 9; a: epochs 5;" in tables._made_by(result)
    mnist.write("table", {"b": {"error": 2.0}}, {"epochs": 5})
    assert json.loads((tmp_path / "table.json").read_text())["rows"] == {
        "a": {"error": 1.0},
        "b": {"error": 2.0},
    }
