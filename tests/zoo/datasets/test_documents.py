"""Archives of texts and word counts, series, and rows that stay sparse."""

import itertools

import numpy as np
import pytest
import scipy.sparse

import zoo.datasets
from zoo.datasets import SparseRows, shuffled_batches
from zoo.datasets.named import count_words

COUNTS = np.random.default_rng(0).poisson(0.5, (12, 5)).astype("float32")
SPLIT = {"a_train": np.arange(8), "a_test": np.arange(8, 11)}


def csr(counts=COUNTS, **changed):
    return SparseRows(counts).arrays() | changed


def test_sparse_rows_are_dense_where_they_are_looked_at():
    rows = SparseRows(scipy.sparse.csr_array(COUNTS))
    for some in (slice(2, 5), np.array([3, 0]), COUNTS[:, 0] > 0):
        np.testing.assert_array_equal(rows[some], COUNTS[some])
    taken = rows.take(np.array([4, 4, 1]))
    assert isinstance(taken, SparseRows)
    np.testing.assert_array_equal(taken[:], COUNTS[[4, 4, 1]])
    assert rows.nbytes < COUNTS.size * 12


def test_sparse_batches_are_those_of_dense_rows():
    counts = COUNTS.copy()
    counts[3] = 0
    both = (shuffled_batches(x, 5, seed=1) for x in (SparseRows(counts), counts))
    for sparse, dense in itertools.islice(zip(*both, strict=True), 5):
        np.testing.assert_array_equal(sparse, dense)


def test_counts(tmp_path):
    labels = np.eye(3, dtype="uint8")[np.arange(12) % 3]
    names = np.array(list("xyz"))
    arrays = csr(labels=labels, label_names=names, vocab=np.array(list("abcde")), **SPLIT)
    np.savez(tmp_path / "c.npz", **arrays)
    data = zoo.datasets.load(tmp_path / "c.npz")
    assert (data.kind, data.columns, data.x_test.shape) == ("counts", tuple("abcde"), (3, 5))
    np.testing.assert_array_equal(data.x_train[:], COUNTS[:8])
    np.testing.assert_array_equal(data.y_test, labels[8:11])
    data.save(tmp_path / "again.npz")
    again = zoo.datasets.load(tmp_path / "again.npz")
    assert (again.fingerprint(), again.columns) == (data.fingerprint(), data.columns)


def test_texts(tmp_path):
    texts = np.array(["größer", "", "zwei\nZeilen"], object)
    data = zoo.datasets.Dataset("t", texts, texts[:1], np.arange(3), np.arange(1), tuple("abc"))
    data.save(tmp_path / "t.npz")
    again = zoo.datasets.load(tmp_path / "t.npz")
    assert (again.kind, again.x_train.tolist()) == ("text", texts.tolist())
    assert (again.fingerprint(), again.label_names) == (data.fingerprint(), tuple("abc"))


@pytest.mark.parametrize(
    ("arrays", "how", "message"),
    [
        (csr(**SPLIT, b_train=[1], b_test=[2]), {}, "several splits, choose one: split=a or b"),
        (csr(**SPLIT), {"split": "c"}, "no split 'c'; there are: a"),
        (csr(a_train=[1], a_test=[99]), {}, "indices of the 12 rows"),
        (csr(a_train=[1, 2], a_test=[2]), {}, "in training and test alike"),
        (csr(indices=np.zeros(3)), {}, "not those of a CSR matrix"),
        (csr(-COUNTS), {}, "finite and not negative"),
        (csr(vocab=["a"]), {}, "vocab must name 5 columns. Received: 1"),
        (csr(labels=np.arange(3)), {}, "a label for each of 12 rows"),
        (csr(labels=np.full(12, np.nan)), {}, "labels has no label in row 0"),
        (csr(labels=np.full((12, 2), 3)), {}, "must hold 0 and 1"),
        (csr(labels=np.arange(12), label_names=["a"]), {}, "label_names, 1. Received: up to 11"),
        ({"text_utf8": np.zeros(3, "uint8"), "offsets": [0, 9]}, {}, "offsets do not fit"),
        ({"text_utf8": np.uint8([255, 65]), "offsets": [0, 1, 2]}, {}, "can't decode byte 0xff"),
    ],
)
def test_archives_that_do_not_fit(arrays, how, message, tmp_path):
    np.savez(tmp_path / "d.npz", **arrays)
    with pytest.raises(ValueError, match=f"d.npz: .*{message}"):
        zoo.datasets.load(tmp_path / "d.npz", **how)


def test_the_split_can_be_chosen(tmp_path):
    np.savez(tmp_path / "d.npz", **csr(**SPLIT, b_train=[1], b_test=[2]))
    np.testing.assert_array_equal(
        zoo.datasets.load(tmp_path / "d.npz", split="b").x_test[:], COUNTS[2:3]
    )


def test_series_and_their_masks(tmp_path):
    x = np.random.default_rng(0).normal(size=(10, 4, 2)).astype("float32")
    mask = np.arange(4)[None, :] < np.arange(1, 11)[:, None]
    np.savez(tmp_path / "s.npz", x_train=x, x_test=x, mask_train=mask)
    data = zoo.datasets.load(tmp_path / "s.npz")
    assert data.kind == "series"
    np.testing.assert_array_equal(data.x_train, np.where(mask[..., None], x, np.nan))
    np.testing.assert_array_equal(data.x_test, x)
    np.savez(tmp_path / "s.npz", x=x, mask=mask[:, :3])
    with pytest.raises(ValueError, match=r"Received: shape=\(10, 3, 1\)"):
        zoo.datasets.load(tmp_path / "s.npz")


def test_words_are_counted_in_sequences_of_their_numbers():
    rows = count_words([[1, 4, 5, 4], [2], [99, 6]], first=4, words=3)
    np.testing.assert_array_equal(rows[:], [[2, 1, 0], [0, 0, 0], [0, 0, 1]])


def test_a_data_folder_holds_reuters_under_the_name_of_its_file(tmp_path):
    np.savez(tmp_path / "reuters21578_r90.npz", **csr(**SPLIT))
    assert zoo.datasets.load("reuters", tmp_path).kind == "counts"
