import json

import numpy as np

from benchmarks import marked
from benchmarks import semantic_hashing_page as page
from benchmarks.semantic_hashing import curve


def test_ties_count_at_their_expectation_and_few_results_as_all_that_there_are():
    nothing = np.full(4, np.inf)
    distances = np.array([[0, 1, 1, np.inf], nothing])
    relevant = np.array([[True, True, False, True], [True, False, False, False]])
    precision, recall = curve(distances, relevant, ranks=(1, 2, 4))
    np.testing.assert_allclose(precision, [[1, 0.75, 2 / 3], [0, 0, 0]])
    np.testing.assert_allclose(recall, [[1 / 3, 0.5, 2 / 3], [0, 0, 0]])


def test_the_page_shows_the_results():
    result = json.loads((page.RESULTS / "semantic_hashing.json").read_text())
    assert marked.section(page.MARK, page.markdown(result)) in page.PAGE.read_text()
