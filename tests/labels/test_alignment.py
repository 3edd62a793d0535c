"""Delays against brute force over every lag, and raters of known delays."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from series import direct_ccc

from emoseq.labels.alignment import (
    align_raters,
    compute_lagged_concordance,
    describe_shifts,
    find_delay,
    shift_traces,
)


def slow_course(seed, frames, width=25):
    return gaussian_filter1d(np.random.default_rng(seed).normal(size=frames), width) * np.sqrt(width)


def delayed_raters(delays, frames=2000, noise=0.0, seed=0):
    """Traces (frames, raters) of one course, each late by its delay in frames."""
    lead = max(delays)
    course = slow_course(seed, lead + frames)
    own = np.random.default_rng(seed + 1).normal(size=(frames, len(delays)))
    traces = np.stack([course[lead - delay : lead - delay + frames] for delay in delays], axis=1)
    return traces + noise * gaussian_filter1d(own, 10, axis=0) * np.sqrt(10)


@pytest.mark.parametrize("gaps", [False, True])
def test_ccc_at_every_lag_is_that_of_the_overlapping_frames(gaps):
    trace, reference = slow_course(1, 200, 5) + 3, slow_course(2, 200, 5) + 2.5
    if gaps:
        trace[30:60] = np.nan
        reference[50:90] = np.nan
    agreement = compute_lagged_concordance(trace, reference, 12)
    for lag, value in zip(range(-12, 13), agreement, strict=True):
        pairs = [(trace[t + lag], reference[t]) for t in range(200) if 0 <= t + lag < 200]
        x, y = np.array([pair for pair in pairs if np.isfinite(pair).all()]).T
        assert value == pytest.approx(direct_ccc(x, y), abs=1e-9)


def test_a_lag_that_leaves_less_than_half_of_the_frames_is_not_compared():
    agreement = compute_lagged_concordance(slow_course(1, 100), slow_course(2, 100), 60)
    assert np.isfinite(agreement).tolist() == [abs(lag) <= 50 for lag in range(-60, 61)]


def test_the_delay_of_a_late_trace_is_positive_and_that_of_a_constant_one_0():
    early, late = delayed_raters([0, 17]).T
    assert find_delay(compute_lagged_concordance(late, early, 30)) == 17
    assert find_delay(compute_lagged_concordance(early, late, 30)) == -17
    assert find_delay(compute_lagged_concordance(np.ones_like(early), early, 30)) == 0


@pytest.mark.parametrize("delays", [[0, 10], [30, 0, 15], [0, 10, 20, 30, 40, 50], [5, 5, 5, 5, 80]])
def test_raters_of_known_delays_are_moved_to_their_median_delay(delays):
    aligned, shifts = align_raters(delayed_raters(delays), 100)
    np.testing.assert_allclose(shifts, np.median(delays) - delays, atol=1)
    inner = aligned[100:-100]
    np.testing.assert_allclose(inner, inner[:, :1].repeat(len(delays), axis=1), atol=0.1)


def test_noisy_raters_are_moved_to_their_median_delay():
    delays = [25, 50, 75, 100, 60, 80]
    _, shifts = align_raters(delayed_raters(delays, frames=7500, noise=0.5), 100)
    np.testing.assert_allclose(shifts, np.median(delays) - delays, atol=5)


def test_a_shift_is_not_longer_than_asked_for():
    _, shifts = align_raters(delayed_raters([0, 0, 0, 60]), 20)
    assert shifts.tolist() == [0, 0, 0, -20]


def test_order_of_raters_does_not_matter():
    traces = delayed_raters([0, 30, 10, 45], noise=0.4)
    _, forwards = align_raters(traces, 50)
    _, backwards = align_raters(traces[:, ::-1], 50)
    np.testing.assert_array_equal(forwards, backwards[::-1])


def test_a_rater_without_ratings_and_a_single_rater_are_not_shifted():
    traces = delayed_raters([0, 12, 0])
    traces[:, 2] = np.nan
    assert align_raters(traces, 20)[1].tolist() == [6, -6, 0]
    assert align_raters(traces[:, :1], 20)[1].tolist() == [0]


def test_frames_from_outside_the_recording_are_unrated():
    moved = shift_traces(np.arange(5.0)[:, None].repeat(4, axis=1), np.array([2, -1, 0, 9]))
    expected = [[np.nan, np.nan, 0, 1, 2], [1, 2, 3, 4, np.nan], [0, 1, 2, 3, 4], [np.nan] * 5]
    np.testing.assert_array_equal(moved.T, expected)


def test_shifts_are_described_in_seconds():
    assert describe_shifts(["A", "B", "C"], np.array([-12, 0, 30]), 0.04) == (
        "A 0.48 s earlier, B not shifted, C 1.20 s later"
    )
