import numpy as np
import pytest

from zoo.evaluation import figures
from zoo.evaluation.maps import can_be_mapped, map_rows, two_dimensional_maps

CODES = np.random.default_rng(0).normal(size=(60, 5)).astype("float32")


def test_a_code_of_two_units_is_its_own_map():
    maps = two_dimensional_maps(CODES[:, :2])
    assert list(maps) == ["code"]
    np.testing.assert_array_equal(maps["code"], CODES[:, :2])


def test_longer_codes_are_mapped_the_same_every_time():
    maps, again = two_dimensional_maps(CODES), two_dimensional_maps(CODES)
    assert list(maps) == ["PCA", "t-SNE"]
    for name, points in maps.items():
        assert points.shape == (60, 2)
        np.testing.assert_array_equal(points, again[name])


@pytest.mark.parametrize(
    ("shape", "names"), [((60, 1), ["t-SNE"]), ((20, 5), ["PCA"]), ((1, 3), [])]
)
def test_maps_that_make_no_sense_are_left_out(shape, names):
    codes = CODES[: shape[0], : shape[1]]
    assert list(two_dimensional_maps(codes)) == names
    assert can_be_mapped(codes) == bool(names)
    assert figures.code_map(codes, None)


@pytest.mark.filterwarnings("error")
def test_codes_that_are_all_the_same_are_mapped_without_a_warning():
    assert (two_dimensional_maps(np.ones((20, 5), "float32"))["PCA"] == 0).all()


def test_padding_is_no_part_of_a_series():
    series = np.array([[1, 2], [np.nan, np.nan], [3, np.nan], [np.nan, np.nan]])
    assert figures.series_length(series) == 3


@pytest.mark.slow  # it compiles for longer than any other quick test takes
def test_in_full_there_is_umap_too():
    maps, again = two_dimensional_maps(CODES, full=True), two_dimensional_maps(CODES, full=True)
    assert list(maps) == ["PCA", "t-SNE", "UMAP"]
    assert maps["UMAP"].shape == (60, 2)
    np.testing.assert_array_equal(maps["UMAP"], again["UMAP"])


def test_labels_of_any_kind_colour_a_map():
    for labels in (np.arange(60) % 3, np.array(["a", "b"] * 30), np.arange(60)):
        figure = figures.code_map(CODES[:, :2], labels)
        assert len(figure.legends) == (len(np.unique(labels)) <= 10)


def test_rows_of_a_map():
    assert len(map_rows(10)) == 10
    assert (len(map_rows(9999)), len(map_rows(9999, full=True))) == (1500, 5000)
