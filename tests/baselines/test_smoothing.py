"""The smoothers against their definitions, frame by frame."""

import numpy as np
import pytest

from emoseq.baselines.smoothing import SMOOTHERS, SmoothOptions, filter_gaussian, filter_median, sweep_widths

SERIES = np.random.default_rng(0).normal(size=60).astype(np.float32)


def padded(series, frames):
    return np.concatenate([np.full(frames, series[0]), series, np.full(frames, series[-1])]).astype(np.float64)


def test_gaussian_is_a_weighted_mean_of_neighbours():
    """0.08 s are two frames; the kernel is cut at four standard deviations."""
    weights = np.exp(-0.5 * (np.arange(-8, 9) / 2) ** 2)
    weights /= weights.sum()
    around = padded(SERIES, 8)
    expected = [around[i : i + 17] @ weights for i in range(60)]
    np.testing.assert_allclose(filter_gaussian(SERIES, 0.08, 0.04), expected, atol=1e-6)


@pytest.mark.parametrize(("width", "frames"), [(0.2, 5), (0.12, 3), (0.16, 5), (0.04, 1), (0.1, 3)])
def test_median_is_that_of_the_frames_around(width, frames):
    around = padded(SERIES, frames // 2)
    expected = [np.median(around[i : i + frames]) for i in range(60)]
    np.testing.assert_allclose(filter_median(SERIES, width, 0.04), expected, atol=1e-6)


@pytest.mark.parametrize("name", SMOOTHERS)
def test_no_width_changes_nothing(name):
    assert np.array_equal(SMOOTHERS[name](SERIES, 0.0, 0.04), SERIES)


@pytest.mark.parametrize("name", SMOOTHERS)
def test_a_constant_stays_what_it_is(name):
    np.testing.assert_allclose(SMOOTHERS[name](np.full(40, 0.25), 1.6, 0.04), 0.25, rtol=1e-6)


@pytest.mark.parametrize("name", SMOOTHERS)
def test_a_window_longer_than_the_series_is_possible(name):
    assert SMOOTHERS[name](SERIES, 100.0, 0.04).shape == (60,)


def test_every_width_is_scored():
    gold = {"u": filter_gaussian(SERIES, 0.4, 0.04)}
    trials = sweep_widths({"u": SERIES}, gold, "gaussian", [0.0, 0.4], frame_shift=0.04)
    assert [trial.setting for trial in trials] == [0.0, 0.4]
    assert (trials[1].score, trials[1].rmse) == pytest.approx((1.0, 0.0))
    assert trials[0].score < 0.9


@pytest.mark.parametrize("widths", [(), (-1.0,), (float("nan"),), (float("inf"),)])
def test_widths_that_cannot_be_are_refused(widths):
    with pytest.raises(ValueError, match="--widths"):
        SmoothOptions(widths)
