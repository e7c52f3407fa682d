import numpy as np
import PIL.Image
import pytest

import zoo.datasets


def put(path, mode="L", size=(4, 6), value=7):
    path.parent.mkdir(parents=True, exist_ok=True)
    colour = value if mode == "L" else (value, 0, 0)
    PIL.Image.new(mode, (size[1], size[0]), colour).save(path)


def test_classes_are_subfolders(tmp_path):
    for i in range(10):
        put(tmp_path / "ab"[i % 2] / "deep" / f"{i}.png", value=i)
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "x.png").write_bytes(b"")
    data = zoo.datasets.load(tmp_path)
    assert (data.kind, data.x_train.shape, data.x_train.dtype) == ("image", (9, 4, 6, 1), np.uint8)
    np.testing.assert_array_equal(data.x_train[:, 0, 0, 0] % 2, data.y_train)
    assert data.label_names == ("a", "b")
    assert data.test_labels.tolist() == ["ab"[data.x_test[0, 0, 0, 0] % 2]]


def test_train_and_test_folders_and_colours(tmp_path):
    for part, count in (("train", 3), ("test", 2)):
        for i in range(count):
            put(tmp_path / part / f"{i}.png", value=i)
    put(tmp_path / "train" / "9.png", "RGB", value=9)
    data = zoo.datasets.load(tmp_path)
    assert (data.x_train.shape, data.x_test.shape) == ((4, 4, 6, 3), (2, 4, 6, 3))
    assert data.y_train is None
    np.testing.assert_array_equal(data.x_train[2, 0, 0], [2, 2, 2])
    np.testing.assert_array_equal(data.x_train[3, 0, 0], [9, 0, 0])


def test_images_of_many_sizes_are_scaled_to_one(tmp_path):
    put(tmp_path / "a.png")
    put(tmp_path / "b.jpg", size=(8, 8))
    with pytest.raises(ValueError, match=r"b.jpg is 8x8, images before it 4x6.*image_size=4x6"):
        zoo.datasets.load(tmp_path)
    assert zoo.datasets.load(tmp_path, image_size=[3, 5]).x_train.shape == (1, 3, 5, 1)
    with pytest.raises(ValueError, match="must be height and width"):
        zoo.datasets.load(tmp_path, image_size=[0, 5])


def test_files_that_are_no_images(tmp_path):
    put(tmp_path / "a.png")
    whole = (tmp_path / "a.png").read_bytes()
    for content in (b"", b"text", whole[:40], whole[:-30]):
        (tmp_path / "b.png").write_bytes(content)
        with pytest.raises(ValueError, match=r"b.png cannot be read as an image") as caught:
            zoo.datasets.load(tmp_path)
        assert "\n" not in str(caught.value)
    PIL.Image.fromarray(np.zeros((4, 6), "uint16")).save(tmp_path / "b.png")
    with pytest.raises(ValueError, match="more than 8 bits"):
        zoo.datasets.load(tmp_path)


def test_text_files(tmp_path):
    for i in range(4):
        path = tmp_path / "set" / "xy"[i % 2] / f"{i}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"text {i}\nof two lines")
    data = zoo.datasets.load(tmp_path / "set")
    assert (data.kind, data.label_names) == ("text", ("x", "y"))
    for text, label in zip(data.x_train, data.y_train, strict=True):
        assert int(text.split()[1]) % 2 == label
    (tmp_path / "set" / "x" / "0.txt").write_text(" \n")
    with pytest.raises(ValueError, match=r"0.txt is empty"):
        zoo.datasets.load(tmp_path / "set")


def test_a_text_a_line(tmp_path):
    (tmp_path / "t.txt").write_text("\ufeffein Hund\n\n  \ndie Kätze\nein Tier\n")
    data = zoo.datasets.load(tmp_path / "t.txt")
    assert {*data.x_train, *data.x_test} == {"ein Hund", "die Kätze", "ein Tier"}
    for content, message in ((b" \n", "t.txt is empty"), (b"ab\xff", "byte 2 is 0xff")):
        (tmp_path / "t.txt").write_bytes(content)
        with pytest.raises(ValueError, match=message):
            zoo.datasets.load(tmp_path / "t.txt")


def test_folders_that_say_too_little(tmp_path):
    with pytest.raises(ValueError, match=r"neither images nor .txt files"):
        zoo.datasets.load(tmp_path)
    put(tmp_path / "a" / "1.png")
    put(tmp_path / "2.png")
    with pytest.raises(ValueError, match=r"2.png beside subfolders"):
        zoo.datasets.load(tmp_path)
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(ValueError, match=r"both images and .txt files"):
        zoo.datasets.load(tmp_path)
