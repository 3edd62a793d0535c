"""Figures: numbers from the model, lines at the right values, files that open."""

import numpy as np
import pytest
import torch

from emoseq import DataError
from emoseq.decode.options import DecoderOptions
from emoseq.decode.trials import format_sweep, parse_sweep
from emoseq.model.blstm import Blstm, Classifier, Regressor
from emoseq.recipe.trial import Trial
from emoseq.report.figure2 import describe_architecture, plot_architecture
from emoseq.report.figures import plot_discretisation, plot_series, plot_sweeps, plot_trainings, save_figure


def classifier(layers=2, hidden_size=5, tasks=(3, 4)):
    centers = tuple(np.arange(float(k)) for k in tasks)
    priors = tuple(np.full(k, 1 / k) for k in tasks)
    return Classifier(Blstm(7, layers, hidden_size, tasks), centers, priors)


def texts(figure):
    return [text.get_text() for axis in figure.axes for text in axis.texts if text.get_text()]


@pytest.mark.parametrize("model", [classifier(), classifier(3, 8, (4,)), Regressor(Blstm(7, 1, 6, [1]))])
def test_every_parameter_of_the_network_is_counted_once(model):
    assert describe_architecture(model).parameters == sum(tensor.numel() for tensor in model.network.parameters())


def test_parameters_by_hand():
    """4 gates of 5 cells, each with weights for its input (7 features, or 10 cells below), 5 cells and two biases."""
    found = describe_architecture(classifier())
    assert found.layer_parameters == (2 * 4 * 5 * (7 + 5 + 2), 2 * 4 * 5 * (10 + 5 + 2))
    assert found.task_parameters == (3 * 11, 4 * 11)


def test_figure_2_shows_the_sizes_of_the_model():
    words = texts(plot_architecture(describe_architecture(classifier(hidden_size=9)), frame_shift=0.04))
    assert sum(word.startswith("LSTM 9 ") for word in words) == 4
    assert {"softmax\n3", "softmax\n4", "7 features of 40 ms", "cluster means, averaged over tasks"} <= set(words)


def test_figure_2_of_a_regressor_has_no_classes():
    words = texts(plot_architecture(describe_architecture(Regressor(Blstm(7, 1, 6, [1]))), frame_shift=0.04))
    assert "rating" in words
    assert not any("softmax" in word for word in words)


def test_figure_3_has_arousal_above_valence_and_shows_the_stretch_only():
    ramp = np.arange(100, dtype=np.float32)
    series = {"arousal": {"gold standard": ramp, "raw": ramp + 1, "decoded": ramp + 2}, "valence": {"raw": ramp}}
    figure = plot_series(series, 1.0, 2.0, frame_shift=0.04)
    assert [axis.get_ylabel() for axis in figure.axes] == ["arousal", "valence"]
    assert [len(axis.lines) for axis in figure.axes] == [3, 1]
    line = figure.axes[0].lines[0]
    np.testing.assert_allclose(line.get_xdata(), 0.04 * np.arange(25, 51))
    np.testing.assert_array_equal(line.get_ydata(), np.arange(24, 50))


def test_figure_1_draws_cluster_means():
    series = np.array([0.0, 0.4, 1.0], dtype=np.float32)
    figure = plot_discretisation(
        series, {2: np.array([0.0, 1.0]), 3: np.array([0.0, 0.5, 1.0])}, "arousal of a", frame_shift=0.04
    )
    assert figure.axes[0].lines[1].get_ydata().tolist() == [0, 0, 1]
    assert figure.axes[1].lines[1].get_ydata().tolist() == [0, 0.5, 1]


TRIALS = [
    Trial(DecoderOptions(order, weight, 1.0, "viterbi"), ccc, 0.1)
    for order, weight, ccc in [(2, 0.0, 0.5), (2, 6.0, 0.7), (3, 0.0, 0.5), (3, 6.0, 0.6)]
]


def test_the_sweep_has_a_line_for_each_order_and_circles_the_chosen_trial():
    axis = plot_sweeps({"arousal": TRIALS}).axes[0]
    assert [line.get_label() for line in axis.lines] == ["2-gram", "3-gram", "chosen"]
    assert axis.lines[0].get_ydata().tolist() == [0.5, 0.7]
    assert (axis.lines[2].get_xdata()[0], axis.lines[2].get_ydata()[0]) == (6, 0.7)


def test_a_training_is_a_line_with_its_best_epoch_marked():
    figure = plot_trainings({"arousal": {"cls": [np.array([0.1, 0.4, 0.3])], "reg-mse": [np.array([0.2, 0.1])]}}, 2)
    curves = [line.get_xydata().tolist() for line in figure.axes[0].lines]
    assert curves[:2] == [[[1, 0.1], [2, 0.4], [3, 0.3]], [[2, 0.4]]]
    assert curves[3] == [[1, 0.2]]
    assert curves[4][0][0] == 2.5


def test_trials_are_read_back_from_their_file():
    assert parse_sweep(format_sweep(TRIALS), "sweep.csv", "viterbi") == TRIALS


@pytest.mark.parametrize(("text", "message"), [("head\n", "holds no trial"), ("head\n2,x,1,0,0\n", r"sweep\.csv:2")])
def test_a_sweep_that_cannot_be_read_is_named(text, message):
    with pytest.raises(DataError, match=message):
        parse_sweep(text, "sweep.csv", "viterbi")


def test_figures_have_the_same_bytes_each_time(tmp_path):
    torch.manual_seed(0)
    for name in ("a", "b"):
        save_figure(plot_architecture(describe_architecture(classifier()), frame_shift=0.04), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    for suffix in (".png", ".pdf"):
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
