"""Observations of the paper: each measure by hand, and the report of a small run."""

import math

import numpy as np
import pandas as pd
import pytest
from conftest import step

from emoseq.report.measures import (
    compare_stages,
    compute_correlation,
    compute_deviation,
    compute_mean_step,
    compute_spread_ratio,
    count_transitions_per_minute,
    measure_clipping,
)
from emoseq.report.observations import (
    Finding,
    format_observations,
    summarise_gains,
    summarise_stages,
    tabulate_stability,
)


def test_clipping_by_hand():
    """Of 5 frames one lies .5 below the lowest mean and one 1.5 above the highest; at a mean nothing is clipped."""
    found = measure_clipping([-1.5, -1.0, 0.0, 1.0, 2.5], [-1.0, 0.0, 1.0])
    assert (found.below, found.above, found.mean_excess, found.max_excess) == (0.2, 0.2, 1.0, 1.5)


def test_nothing_is_clipped_between_the_outermost_means():
    found = measure_clipping([0.0, 0.5], [-1.0, 1.0])
    assert (found.below, found.above, found.mean_excess, found.max_excess) == (0, 0, 0, 0)


def test_a_series_of_half_the_values_has_half_the_spread():
    gold = np.array([1.0, 3.0, 2.0, 5.0])
    assert compute_spread_ratio(7 + gold / 2, gold) == pytest.approx(0.5)
    assert math.isnan(compute_spread_ratio(gold, np.ones(4)))


def test_transitions_a_minute_by_hand():
    """750 and 750 frames of 40 ms are one minute: two changes in the first utterance and one in the second."""
    first = np.r_[np.zeros(300), np.ones(300), np.zeros(150)]
    second = np.r_[np.full(700, 2), np.full(50, 3)]
    assert count_transitions_per_minute([first, second], 0.04) == pytest.approx(3)


@pytest.mark.parametrize(
    ("dev_ccc", "best_epoch", "one_stage", "two_stages", "in_second_stage"),
    [([0.1, 0.5, 0.4, 0.6], 4, 0.5, 0.6, True), ([0.1, 0.5, 0.4, 0.3], 2, 0.5, 0.5, False)],
)
def test_two_stages_by_hand(dev_ccc, best_epoch, one_stage, two_stages, in_second_stage):
    found = compare_stages(dev_ccc, 2)
    assert vars(found) == {
        "best_epoch": best_epoch, "one_stage": one_stage, "two_stages": two_stages, "in_second_stage": in_second_stage
    }  # fmt: skip


def test_change_from_epoch_to_epoch_by_hand():
    assert compute_mean_step([0.1, 0.4, 0.3]) == pytest.approx(0.2)
    assert math.isnan(compute_mean_step([0.1]))


def test_deviation_and_correlation_are_numpys():
    x, y = np.array([1.0, 2.0, 4.0, 3.0]), np.array([2.0, 1.0, 7.0, 3.0])
    assert compute_deviation(x) == pytest.approx(np.std(x, ddof=1))
    assert compute_correlation(x, y) == pytest.approx(np.corrcoef(x, y)[0, 1])


@pytest.mark.parametrize(("x", "y"), [([1, 2], [3, 4]), ([1, 1, 1], [1, 2, 3])])
def test_correlation_is_nan_for_few_or_constant_values(x, y):
    assert math.isnan(compute_correlation(x, y))


def test_deviation_of_one_value_is_nan():
    assert math.isnan(compute_deviation([0.5]))


TRAINED = pd.DataFrame(
    {
        "dimension": ["arousal"] * 3,
        "system": ["cls", "cls", "cls-ce"],
        "layers": [3, 3, 3],
        "l2": ["0", "0", "0"],
        "seed": [1, 2, 1],
        "best_epoch": [20, 30, 10],
        "one_stage": [0.5, 0.6, 0.4],
        "two_stages": [0.5, 0.7, 0.4],
        "in_second_stage": [False, True, False],
        "step": [0.1, 0.3, 0.2],
    }
)


def test_gain_of_the_second_stage_by_hand():
    row = summarise_stages(TRAINED).iloc[0]
    assert (row.models, row.best_epoch, row.in_second_stage) == (2, 25, 0.5)
    assert row.gain == pytest.approx(0.05)


def test_spread_over_seeds_by_hand():
    classifier, plain = (row for _, row in tabulate_stability(TRAINED).iterrows())
    assert classifier.over_seeds == pytest.approx(np.std([0.5, 0.7], ddof=1))
    assert classifier.over_epochs == pytest.approx(0.2)
    assert (plain.system, plain.seeds) == ("cls-ce", 1)
    assert math.isnan(plain.over_seeds)


def test_gains_are_summarised_by_dimension_and_set():
    gained = pd.DataFrame(
        {"dimension": "valence", "set": "dev", "model": "m", "raw": [0.1, 0.2, 0.3], "gain": [0.3, 0.2, 0.1]}
    )
    row = summarise_gains(gained).iloc[0]
    assert (row.models, row.least, row.most) == (3, 0.1, 0.3)
    assert (row.gain, row.correlation) == (pytest.approx(0.2), pytest.approx(-1))


def test_an_empty_table_is_reported_as_not_measurable():
    table = pd.DataFrame({"system": ["cls", "x"], "seeds": [3, 1], "over_seeds": [0.0123, float("nan")]})
    text = format_observations([Finding("stability", "What.", table), Finding("gains", "Gains.", pd.DataFrame())])
    assert "## Stability\n\nWhat.\n\n| system | seeds | over_seeds |\n" in text
    assert "| cls    | 3     | 0.012      |\n| x      | 1     |            |\n" in text
    assert text.endswith("## Gains\n\nGains.\n\nNot measurable in this run.\n")


def test_the_step_measures_a_run(small_run):
    """The files of the small run: all observations, with the expected numbers of rows."""
    report = small_run.exp / "report"
    names = ["reconstruction", "clipping", "moderation", "stages", "stability", "transitions", "gains"]
    assert [
        line[3:].lower() for line in (report / "observations.md").read_text().splitlines() if line[:3] == "## "
    ] == names
    table = pd.read_csv(report / "reconstruction.csv")
    assert len(table) == 2 * 3 * 4
    gained = pd.read_csv(report / "gains_of_models.csv")
    assert len(gained) == 2 * 2 * 2
    np.testing.assert_allclose(gained.gain, gained.decoded - gained.raw, atol=2e-6)
    assert (report / "gains.pdf").exists()
    assert (report / "trainings.pdf").exists()
    assert len(pd.read_csv(report / "stages.csv")) == 2 * 2


def test_a_second_call_is_up_to_date(small_run):
    done = step("steps/make_observations.py", small_run.data, small_run.exp)
    assert done.returncode == 0, done.stderr
    assert "observations.md: up to date" in done.stderr
