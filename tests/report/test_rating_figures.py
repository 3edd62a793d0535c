"""Figures and tables of ratings: every trace, name and mark is there."""

import numpy as np
import pytest

from emoseq.labels.rating_checks import CheckedRatings, CheckedTrace
from emoseq.report.ratings import COMMON_LEGEND, format_ratings, plot_ratings, tabulate_ratings

NAN = float("nan")


def plot(ratings, raters, gold=None, suspects=None):
    return plot_ratings(
        ratings, raters, gold or {}, suspects or {}, dimension="valence", gold_name="gold standard", frame_shift=0.04
    )


def names_in(legend):
    return [text.get_text() for text in legend.get_texts()]


def test_each_recording_has_a_panel_with_its_traces_and_gold_standard():
    ratings = {"a": np.c_[np.arange(50.0), np.arange(50.0) / 2], "b": np.full((25, 1), 3.0)}
    figure = plot(ratings, {"a": ["ann", "bob"], "b": ["bob"]}, {"b": np.arange(24.0)})
    first, second = figure.axes
    assert [axis.get_title(loc="left") for axis in figure.axes] == ["a", "b"]
    assert [len(axis.lines) for axis in figure.axes] == [2, 2]
    np.testing.assert_array_equal(first.lines[1].get_ydata(), ratings["a"][:, 1])
    np.testing.assert_allclose(first.lines[1].get_xdata(), 0.04 * np.arange(1, 51))
    np.testing.assert_array_equal(second.lines[1].get_ydata(), np.arange(24.0))
    assert names_in(figure.legends[0]) == ["ann", "bob", "gold standard"]
    assert first.lines[1].get_color() == second.lines[0].get_color()
    assert "time (s)" in second.get_xlabel()
    assert first.get_ylabel().startswith("valence")
    assert [axis.get_xlim() for axis in figure.axes] == [(0, 2), (0, 1)]
    trace, gold = second.lines
    assert gold.get_zorder() < trace.get_zorder()


def test_traces_that_look_wrong_are_thick_named_and_do_not_set_the_scale():
    ratings = {"a": np.c_[np.linspace(-1, 1, 50), 100 * np.linspace(-1, 1, 50)]}
    figure = plot(ratings, {"a": ["ann", "bob"]}, suspects={"a": ["bob"]})
    (axis,) = figure.axes
    assert axis.get_title(loc="left") == "a: check bob"
    assert axis.lines[1].get_linewidth() > 2 * axis.lines[0].get_linewidth()
    assert axis.get_ylim() == pytest.approx((-1.1, 1.1))
    assert names_in(figure.legends[0])[-1] == "thick: looks wrong"


def test_with_many_raters_each_panel_names_its_own():
    ratings = {str(i): np.full((5, 2), float(i)) for i in range(COMMON_LEGEND)}
    raters = {name: [f"r{name}", f"s{name}"] for name in ratings}
    figure = plot(ratings, raters, {"3": np.zeros(5)})
    assert names_in(figure.axes[3].get_legend()) == ["r3", "s3"]
    assert names_in(figure.legends[0]) == ["gold standard"]


def test_recordings_without_any_rating_are_drawn():
    figure = plot({"a": np.full((5, 2), NAN)}, {"a": ["ann", "bob"]})
    assert len(figure.axes[0].lines) == 2


def checked():
    traces = (
        CheckedTrace("rec_1", "ann", 60.0, 0.0, 1.5, 0.0, 3.2, 0, 0.0, agreement=0.456, findings=("is odd", "is late")),
        CheckedTrace("rec_1", "bob", 60.0, 2.0, 1.5, 0.0, 3.2, 1, 0.25, delay=-1.0),
    )
    return CheckedRatings(traces, NAN, NAN, NAN, NAN, 0.0, ())


def test_the_printed_table_marks_what_looks_wrong():
    head, first, second = format_ratings(checked()).splitlines()
    assert head.split()[:4] == ["recording", "rater", "length", "unrated"]
    assert first.split() == "rec_1 ann 60.0 0.0 1.5 0.0 3.2 0 0.00 - - - 0.46 - <".split()
    assert second.split() == "rec_1 bob 60.0 2.0 1.5 0.0 3.2 1 0.25 - -1.00 - - -".split()


def test_the_csv_table_has_the_dimension_and_all_findings():
    table = tabulate_ratings({"valence": checked()})
    assert table.dimension.tolist() == ["valence"] * 2
    assert table.findings.tolist() == ["is odd; is late", ""]
    assert list(table.columns)[-2:] == ["ccc_with_rest", "findings"]
