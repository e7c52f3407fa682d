"""Export and import give back the same entries; bad files are named and change nothing."""

import numpy as np
import pytest
from test_durable import codes_of

from serving.index import HashIndex, export_file, file_bits, import_file


@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
@pytest.mark.parametrize("payloads", [None, [{"a": "ü\n"}, None, 3]])
@pytest.mark.parametrize("count", [0, 3])
def test_round_trip(tmp_path, suffix, payloads, count):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / f"entries{suffix}"
    payloads = payloads if payloads is None else payloads[:count]
    with HashIndex.open(tmp_path / "a", bits=61) as index:
        codes = codes_of([5, 7, 9][:count]) & np.array([255] * 7 + [0xF8], np.uint8)
        index.add([9, 5, 7][:count], codes, payloads)
        assert export_file(index, path) == count
    assert file_bits(path) == 61
    with HashIndex.open(tmp_path / "b", bits=61) as other:
        assert import_file(other, path) == count
        np.testing.assert_array_equal(other.codes([9, 5, 7][:count]), codes)
        assert other.payloads([9, 5, 7][:count]) == (payloads or [None] * count)
        if count:
            with pytest.raises(ValueError, match="already in the index"):
                import_file(other, path)
            assert import_file(other, path, replace=True) == count
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a", "b", path.name]


def test_bad_files(tmp_path):
    with HashIndex.open(tmp_path / "i", bits=64) as index:
        bad = tmp_path / "bad.npz"
        bad.write_bytes(b"PK\x03\x04 not a zip")
        with pytest.raises(ValueError, match=r"bad.npz is not a readable"):
            import_file(index, bad)
        np.savez(bad, ids=np.arange(2), vectors=np.zeros((2, 8)))
        with pytest.raises(ValueError, match=r"`ids` and `codes`. Received: \['ids', 'vectors'\]"):
            import_file(index, bad)
        with pytest.raises(ValueError, match="`ids` and `codes`"):
            file_bits(bad)
        np.savez(bad, ids=np.arange(2), codes=codes_of([1, 2]), bits=60)
        with pytest.raises(ValueError, match="60 bits; the index, of 64"):
            import_file(index, bad)
        with pytest.raises(ValueError, match=r"must be .npz or .parquet. Received: .*x.csv"):
            import_file(index, tmp_path / "x.csv")
        with pytest.raises(FileNotFoundError):
            import_file(index, tmp_path / "missing.npz")
        assert len(index) == 0


def test_bad_parquet(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = tmp_path / "bad.parquet"
    with HashIndex.open(tmp_path / "i", bits=64) as index:
        path.write_bytes(b"PAR1 nothing PAR1")
        with pytest.raises(ValueError, match="not a readable Parquet"):
            import_file(index, path)
        parquet.write_table(arrow.table({"id": [1], "hash": [b"12345678"]}), path)
        for read in (lambda: import_file(index, path), lambda: file_bits(path)):
            with pytest.raises(ValueError, match="`id` and `code`"):
                read()
        parquet.write_table(arrow.table({"id": [1, 2], "code": [b"12345678", b"1"]}), path)
        with pytest.raises(ValueError, match="equally long"):
            import_file(index, path)
