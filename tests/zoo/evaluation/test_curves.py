import numpy as np
import pytest

from zoo.evaluation import curves

HISTORY = [
    {
        "epoch": epoch,
        "loss": 9.0 - epoch,
        "val_loss": 0.4,
        "reconstruction_error": 0.5,
        "val_reconstruction_error": 0.4,
        "val_binarized_error": 0.45,
        "code_error": 0.7,
        "noise_stddev": float(epoch),
        "val_noise_stddev": 0.0,
    }
    for epoch in range(3)
]


def drawn(axis):
    return {line.get_label(): line.get_xydata().tolist() for line in axis.lines}


def test_measures_of_different_size_have_panels_of_their_own():
    loss, error, code, noise = curves.training(HISTORY, "nats per component").axes
    assert drawn(loss) == {"training": [[1, 9], [2, 8], [3, 7]]}  # validation teaches no codes
    assert error.get_title() == "reconstruction error\n(nats per component)"
    assert list(drawn(error)) == ["training", "validation", "validation, from the bits"]
    assert code.get_title() == "code error\n(nats per bit)"
    assert drawn(noise)["training"] == [[1, 0], [2, 1], [3, 2]]


def test_losses_of_validation_are_drawn_where_no_codes_are_taught():
    untaught = [{k: v for k, v in row.items() if k != "code_error"} for row in HISTORY]
    assert list(drawn(curves.training(untaught, "nats").axes[0])) == ["training", "validation"]


def test_a_loss_that_is_the_error_is_drawn_once():
    plain = [{"epoch": 0, "val_loss": 0.4, "loss": 0.5}]
    plain[0] |= {"reconstruction_error": 0.5, "val_reconstruction_error": 0.4}
    assert curves.loss_is_error(plain)
    assert len(curves.training(plain, "nats").axes) == 1
    assert not curves.loss_is_error([{**plain[0], "val_loss": 0.5}])


def test_one_epoch_is_a_point_at_1():
    for axis in curves.training(HISTORY[:1], "nats").axes:
        assert axis.get_xlim() == (0.5, 1.5)
        assert all(line.get_marker() == "o" for line in axis.lines)


@pytest.mark.parametrize(("last", "scale"), [(1.0, "linear"), (1e-3, "log"), (0.0, "linear")])
def test_a_logarithmic_axis_where_values_span_decades(last, scale):
    history = [{"epoch": 0, "loss": 2.0}, {"epoch": 1, "loss": last}]
    assert curves.training(history, "nats").axes[0].get_yscale() == scale


def test_errors_of_different_units_share_no_axis():
    runs = {"a": HISTORY, "b": HISTORY, "c": HISTORY, "none": []}
    units = {"a": "nats", "b": "squared error", "c": "nats"}
    figure = curves.courses(runs, "val_reconstruction_error", units)
    assert [list(drawn(axis)) for axis in figure.axes] == [["a", "c"], ["b"]]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b", "c"]


def test_robustness_names_only_what_is_drawn():
    lines = [
        {"corruption": corruption, "level": level, "reconstruction_error": 0.5}
        for corruption in ("noise", "missing")
        for level in (0.0, 0.5)
    ]
    probed = [{**line, "linear_accuracy": 0.9} for line in lines]
    figure = curves.robustness({"a": lines, "b": probed, "c": []}, {"a": "nats", "b": "nats"})
    panels = [list(drawn(axis)) for axis in figure.axes]
    assert panels == [["a", "b"], ["a", "b"], ["b"], ["b"]]
    colours = [{line.get_label(): line.get_color() for line in axis.lines} for axis in figure.axes]
    assert colours[0]["b"] == colours[2]["b"]
    assert figure.axes[0].get_ylabel() == "reconstruction error\n(nats)"


@pytest.mark.parametrize(("epochs", "panels"), [(1, 1), (2, 3)])
def test_histograms_of_activations(epochs, panels):
    figure = curves.activation_histograms(np.ones((epochs, 4)))
    assert len(figure.axes) == panels
    assert figure.axes[0].get_title() == "after epoch 1"
