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


def test_seeds_are_averaged_where_their_settings_agree(tmp_path, monkeypatch):
    monkeypatch.setattr(mnist, "RESULTS", tmp_path)

    def measure(seed, error, epochs):
        measured = {"error": error, "saturated": 0.5}
        mnist.write_seed("table", "a", {"paper": 1.5}, seed, measured, {"epochs": epochs})
        return json.loads((tmp_path / "table.json").read_text())["rows"]["a"]

    assert measure(1, 3.0, 5)["error"] == 3.0
    row = measure(0, 1.0, 5)
    assert (row["error"], row["error_std"], row["saturated"]) == (2.0, 1.0, 0.5)
    assert list(row["seeds"]) == ["0", "1"]
    assert tables._beside(row, "error", "paper", "{:.2f}") == "2.00 ± 1.00 / 1.50"
    assert measure(0, 1.4, 5)["error"] == 2.2
    assert list(measure(0, 1.0, 9)["seeds"]) == ["0"]
