import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from zoo.evaluation import figures


@pytest.mark.parametrize("titled", [False, True])
@pytest.mark.parametrize("count", [1, 4, 12])
@pytest.mark.parametrize("shape", [(8, 8, 1), (16, 32, 3), (32, 16, 3)])
def test_the_names_of_rows_and_columns_are_inside_the_picture(shape, count, titled):
    images = np.zeros((count, *shape))
    rows = [("input", images), ("reconstruction", images), ("from the bits", images)]
    figure = figures.reconstructions(rows, [f"median\n{i}" for i in range(count) if titled])
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    width, height = canvas.get_width_height()
    [axis] = figure.axes
    labels = [*axis.get_yticklabels(), *axis.get_xticklabels()]
    boxes = [label.get_window_extent() for label in labels if label.get_text()]
    assert len(boxes) == 3 + titled * count
    for box in boxes:
        assert min(box.x0, box.y0, width - box.x1, height - box.y1) >= 0
