import numpy as np
import pytest

import zoo.datasets


def rows(n=20):
    return np.random.default_rng(0).random((n, 6), "float32")


def test_digits_come_with_scikit_learn():
    digits = zoo.datasets.load("digits")
    assert digits.x_train.shape == (1437, 8, 8, 1)
    assert (digits.x_train.dtype, digits.x_train.max()) == (np.uint8, 255)
    assert digits.is_image
    assert digits.fingerprint() == zoo.datasets.load("digits").fingerprint()


def test_a_folder_comes_before_a_download(tmp_path):
    images = np.zeros((4, 28, 28), "uint8")
    labels = np.arange(4)
    np.savez(tmp_path / "mnist.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    mnist = zoo.datasets.load("mnist", data_dir=tmp_path)
    assert mnist.x_train.shape == (4, 28, 28, 1)


def test_npy_holds_out_the_same_tenth_each_time(tmp_path):
    np.save(tmp_path / "vectors.npy", rows(50))
    first, second = (zoo.datasets.load(tmp_path / "vectors.npy") for _ in range(2))
    assert (len(first.x_train), len(first.x_test)) == (45, 5)
    np.testing.assert_array_equal(first.x_test, second.x_test)
    everything = np.concatenate([first.x_train, first.x_test])
    np.testing.assert_array_equal(np.unique(everything, axis=0), np.unique(rows(50), axis=0))


def test_npz_with_x_and_y_keeps_labels_beside_rows(tmp_path):
    x = rows(30)
    np.savez(tmp_path / "d.npz", x=x, y=np.arange(30))
    data = zoo.datasets.load(tmp_path / "d.npz")
    np.testing.assert_array_equal(data.x_train, x[data.y_train])
    np.testing.assert_array_equal(data.x_test, x[data.y_test])


def test_fingerprint_depends_on_every_value(tmp_path):
    x = rows()
    prints = set()
    for value in (0.1, 0.2):
        x[3, 3] = value
        np.save(tmp_path / "x.npy", x)
        prints.add(zoo.datasets.load(tmp_path / "x.npy").fingerprint())
    assert len(prints) == 2


def test_names_that_are_nowhere():
    with pytest.raises(FileNotFoundError, match=r"Did you mean 'digits'.*--data-dir"):
        zoo.datasets.load("digit", data_dir="/nowhere")
    with pytest.raises(FileNotFoundError, match="There is no data file"):
        zoo.datasets.load("/nowhere/x.npz")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": rows()}, "must hold x_train and x_test, or x;.*Received: a"),
        ({"x": rows(), "y": np.arange(3)}, "a label for each of 20 rows"),
        ({"x_train": rows(), "x_test": rows()[:, :3]}, "one shape"),
        ({"x_train": rows()[:0], "x_test": rows()}, "at least one row"),
        ({"x_train": rows(), "x_test": rows(), "y_train": np.arange(5)}, "one label for each"),
        ({"x_train": rows().astype(str), "x_test": rows()}, "one shape and kind"),
        ({"x_train": rows().astype(complex), "x_test": rows()}, "must hold numbers"),
        ({"x": rows(), "y": np.full(20, np.nan)}, "y has no label in row 0 of 20"),
        ({"x": np.array([{}] * 4)}, "damaged or not"),
    ],
)
def test_archives_that_hold_something_else(arrays, message, tmp_path):
    np.savez(tmp_path / "d.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        zoo.datasets.load(tmp_path / "d.npz")


def test_a_corrupt_archive(tmp_path):
    np.savez_compressed(tmp_path / "d.npz", x=rows(1000))
    whole = (tmp_path / "d.npz").read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 0xFF] * 9) + whole[middle + 9 :]
    for content in (b"", b"text", whole[:middle], flipped):
        (tmp_path / "d.npz").write_bytes(content)
        with pytest.raises(ValueError, match=r"d\.npz is damaged or not a NumPy \.npz file"):
            zoo.datasets.load(tmp_path / "d.npz")
