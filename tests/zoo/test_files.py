import pytest

from zoo.files import replacing


def fail_in_the_middle(path):
    with replacing(path) as partial:
        partial.write_text("half")
        raise OSError("the disk is full")


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "metrics.json"
    for content in ("old", "new"):
        with replacing(path) as partial:
            partial.write_text(content)
    with pytest.raises(OSError, match="full"):
        fail_in_the_middle(path)
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]
