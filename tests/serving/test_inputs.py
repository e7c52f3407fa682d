"""What the command lines read from files."""

from serving.inputs import read_rows


def test_a_text_file_has_a_row_a_line_and_no_others(tmp_path):
    path = tmp_path / "rows.txt"
    lines = ["größe", "form\x0cfeed", "next\u2028line", "", "last"]
    path.write_text("\ufeff" + "\n".join(lines), encoding="utf-8")
    assert read_rows(path) == lines
    path.write_bytes(b"a\r\nb\r\n")
    assert read_rows(path) == ["a", "b"]
    path.write_bytes(b"")
    assert read_rows(path) == []
