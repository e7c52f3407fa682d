import decimal

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

import zoo.datasets

HEAD = "age,city,zip,y\n"
ROWS = ["30,Rome,007,a", ",Oslo,101,b", "41.5,,007,a", '28,"Rio, Sul",101,b']


def write(path, content):
    path.write_text(content)
    return path


@pytest.fixture
def table(tmp_path):
    return write(tmp_path / "people.csv", HEAD + "\n".join(ROWS))


def everything(data):
    return np.concatenate([data.x_train, data.x_test]).tolist()


def test_numbers_and_categories(table):
    data = zoo.datasets.load(table, label="y", categorical=["zip"])
    assert (data.kind, data.columns, data.categorical) == ("table", ("age", "city", "zip"), (1, 2))
    assert sorted(everything(data)) == [
        ["", "Oslo", "101"],
        ["28", "Rio, Sul", "101"],
        ["30", "Rome", "007"],
        ["41.5", "", "007"],
    ]
    assert data.label_names == ("a", "b")
    for x, y in ((data.x_train, data.y_train), (data.x_test, data.y_test)):
        assert [data.label_names[i] for i in y] == ["a" if z == "007" else "b" for z in x[:, 2]]


def test_numbers_alone_are_float32_with_nan(table):
    data = zoo.datasets.load(table, label="y", drop=["city"])
    assert data.kind == "table"
    assert data.x_train.dtype == np.float32
    found = np.array(sorted(everything(data), key=lambda row: (np.isnan(row[0]), row)))
    np.testing.assert_array_equal(found, [[28, 101], [30, 7], [41.5, 7], [np.nan, 101]])


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters_and_decimal_commas(delimiter, tmp_path):
    rows = ["a,b", "1,5", '"x, y"'], ["2", "-0,25", "z"]
    lines = [delimiter.join(row) for row in (["n, m", "k", "c"], ["1", *rows[0][1:]], rows[1])]
    data = zoo.datasets.load(write(tmp_path / "x.csv", "\n".join(lines)))
    assert data.columns == ("n, m", "k", "c")
    assert sorted(everything(data)) == [["1", "1.5", "x, y"], ["2", "-0.25", "z"]]


def test_texts_of_a_column(table):
    data = zoo.datasets.load(write(table, "t,y\nein Hund,1\ndie Katze,0\n"), text="t", label="y")
    assert (data.kind, data.x_train.shape, data.label_names) == ("text", (1,), ())
    said = {data.x_train[0]: data.y_train[0], data.x_test[0]: data.y_test[0]}
    assert said == {"ein Hund": 1, "die Katze": 0}
    with pytest.raises(ValueError, match="'t' has no text in row 1: None"):
        zoo.datasets.load(write(table, "t,y\nHund,1\n,0\n"), text="t")


def test_parquet_says_what_columns_hold(tmp_path):
    columns = {
        "zip": ["007", "101", None],
        "kind": pyarrow.array(["x", "y", "x"]).dictionary_encode(),
        "open": [True, None, False],
        "price": [decimal.Decimal("1.50"), None, decimal.Decimal("2.25")],
        "n": pyarrow.array([3, 4, None], pyarrow.int32()),
    }
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "t.parquet")
    data = zoo.datasets.load(tmp_path / "t.parquet")
    assert data.categorical == (0, 1, 2)
    assert sorted(everything(data)) == [
        ["", "x", "false", "2.25", ""],
        ["007", "x", "true", "1.5", "3"],
        ["101", "y", "", "", "4"],
    ]


def test_saved_and_read_again(table, tmp_path):
    data = zoo.datasets.load(table, label="y")
    data.save(tmp_path / "saved.npz")
    again = zoo.datasets.load(tmp_path / "saved.npz")
    assert again.fingerprint() == data.fingerprint()
    assert (again.kind, again.columns, again.categorical) == ("table", data.columns, (1,))
    assert again.label_names == data.label_names


@pytest.mark.parametrize(
    ("content", "how", "message"),
    [
        ("", {}, "damaged or not a .csv table"),
        (HEAD, {}, "has no rows"),
        ("a,a\n1,2\n", {}, "several columns 'a'"),
        ("a,b\n1\n", {}, "damaged or not a .csv table.*Expected 2 columns"),
        ("a,b\n1,2\n", {"label": "c"}, "has no column 'c'. Columns: a, b"),
        ("a,y\n1,x\n2,\n", {"label": "y"}, "'y' has no label in row 1 of 2"),
        ("a,y\n1,0.5\n2,1\n", {"label": "y"}, "whole numbers or names. Received: 0.5 in row 0"),
        ("a\n1\n2\nx1\n", {}, "'a' holds numbers but for 1 rows.*'x1' in row 2"),
        ("a,b\n1,\n2,\n", {}, "'b' is empty"),
        ("a\n1\ninf\n", {}, "infinity in row 1"),
        ("a\n1\n", {"label": "a"}, "no columns but those left out"),
        ("a\n" + "\n".join(f"n{i}" for i in range(51)), {}, "51 values, all different"),
        ("a\n" + "n0\n" + "\n".join(f"n{i}" for i in range(1001)), {}, "1,001 different values"),
        (HEAD + ROWS[0], {"image_size": [3, 3]}, "image_size is not for data of this kind"),
        (HEAD + ROWS[0], {}, "at least two rows"),
    ],
)
def test_what_is_wrong_is_one_line(content, how, message, tmp_path):
    with pytest.raises(ValueError, match=message) as caught:
        zoo.datasets.load(write(tmp_path / "t.csv", content), **how)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_table(tmp_path):
    for name in ("t.csv", "t.parquet"):
        (tmp_path / name).write_bytes(b"\xff\xfe\x00\x01" * 9)
        with pytest.raises(ValueError, match="is damaged or not a"):
            zoo.datasets.load(tmp_path / name)
